from pathlib import Path

import pytest

from quantize.calibrate.labels import parse_labels, read_class_names
from quantize.errors import DataError


def test_whole_numbers_are_classes() -> None:
    assert parse_labels("d", ["2", "0"], ()).values.tolist() == [2, 0]


def test_other_numbers_are_targets() -> None:
    labels = parse_labels("d", ["1", "0.5"], ())

    assert labels.values.dtype.kind == "f"
    assert labels.values.tolist() == [1.0, 0.5]


def test_names_are_counted_in_alphabetical_order() -> None:
    labels = parse_labels("d", ["dog", "cat", "dog"], ())

    assert labels.class_names == ("cat", "dog")
    assert labels.values.tolist() == [1, 0, 1]


def test_names_are_looked_up_in_the_models_classes() -> None:
    assert parse_labels("d", ["dog"], ["dog", "cat"]).values.tolist() == [0]


def test_numbers_that_are_names_of_classes_are_looked_up() -> None:
    assert parse_labels("d", ["10", "20"], ["20", "10"]).values.tolist() == [1, 0]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(DataError, match="labels 'cow' are none of the classes 'dog', 'cat'"):
        parse_labels("d", ["dog", "cow"], ["dog", "cat"])


def test_a_target_that_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="sample 1 has target 'nan'"):
        parse_labels("d", ["0.5", "nan"], ())


def test_a_labels_file_is_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("no person\nperson\n\n")

    assert read_class_names(path) == ("no person", "person")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no labels"), (b"a\na\n", "named twice: a"), (b"\xff\xfe\xff", "cannot be read")],
)
def test_a_bad_labels_file_is_one_clear_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message):
        read_class_names(path)
