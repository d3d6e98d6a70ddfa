"""What stands in files of their own: bad text is one error that names the file."""

from pathlib import Path

import pytest

from quantize.console.settings_files import read_decoder, read_preprocessing, read_recipe_file
from quantize.errors import QuantizeError

READERS = (read_preprocessing, read_decoder, read_recipe_file)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", ["= 3", f"x = {'9' * 5000}", f"x = {'[' * 5000}"])
def test_what_is_no_toml_is_named(tmp_path: Path, reader: object, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)

    assert callable(reader)
    with pytest.raises(QuantizeError, match=r"settings\.toml: .*not TOML"):
        reader(path)


def test_another_kind_is_refused_with_the_allowed(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('kind = "sound"')

    with pytest.raises(QuantizeError, match="kind: allowed are"):
        read_preprocessing(path)
