"""True boxes as people write them: what they mean, and one line for what they cannot."""

from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.boxes import read_boxes
from quantize.errors import DataError

NAMES = ("red", "green")
GOOD = '{"size": [200, 100], "boxes": [[20, 10, 100, 60]], "classes": ["green"]}'


def write(folder: Path, *lines: str) -> Path:
    path = folder / "boxes.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_pixels_become_shares_and_names_indices(tmp_path: Path) -> None:
    empty = '{"size": [8, 8], "boxes": [], "classes": []}'

    first, second = read_boxes(write(tmp_path, GOOD, "", empty), 2, (), NAMES)

    np.testing.assert_allclose(first.boxes, [[0.1, 0.1, 0.5, 0.6]])
    assert first.classes.tolist() == [1]
    assert first.size_px == (200, 100)
    assert second.boxes.shape == (0, 4)


def test_lines_with_files_stand_in_any_order(tmp_path: Path) -> None:
    other = GOOD.replace('"green"', "0")
    lines = [f'{{"file": "{name}.png", {line[1:]}' for name, line in (("b", GOOD), ("a", other))]

    found = read_boxes(write(tmp_path, *lines), 2, ("a.png", "b.png"), NAMES)

    assert [image.classes.tolist() for image in found] == [[0], [1]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "line 1: JSON is malformed"),
        ("{}", "line 1: Object missing required field `size`"),
        (GOOD.replace("[20, ", f"[{'9' * 5000}, "), "line 1: "),
        (GOOD.replace("200", "9" * 5000), "line 1: "),
        (GOOD.replace("[20, ", "[100, "), "line 1: box"),
        (GOOD.replace("60]", "101]"), "line 1: box"),
        (GOOD.replace('"green"', '"blue"'), "class 'blue', allowed are 0..1 or red, green"),
        (GOOD.replace('"green"', "2"), "class 2, allowed are 0..1"),
        (GOOD.replace('["green"]', "[]"), "1 boxes, 0 classes"),
        ('{"size": [8, 8], "boxes": [], "classes": []}', "no box in any image"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DataError) as refused:
        read_boxes(write(tmp_path, line), 1, (), NAMES)

    assert said in str(refused.value)
    assert "boxes.jsonl" in str(refused.value)


def test_lines_and_samples_are_as_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 lines, the data has 2 samples"):
        read_boxes(write(tmp_path, GOOD), 2, (), NAMES)


@pytest.mark.parametrize(
    ("named", "said"),
    [(["a", "a"], "was there before"), (["c"], "file 'c'"), (["a"], "no line for file 'b'")],
)
def test_each_file_has_one_line(tmp_path: Path, named: list[str], said: str) -> None:
    lines = [f'{{"file": "{name}", {GOOD[1:]}' for name in named]

    with pytest.raises(DataError, match=said):
        read_boxes(write(tmp_path, *lines), 2, ("a", "b"), NAMES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: boxes cannot be read"):
        read_boxes(tmp_path / "none.jsonl", 1, (), NAMES)
