from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.calibrate.rows import Rows, Windowing, open_rows
from quantize.errors import DataError

TABLE = "a,b,target\n1,2,0.5\n3,4,1.5\n5,6,2.5\n"


def _add_batch(window: Rows) -> Rows:
    return window[np.newaxis]


def _open(text: str, folder: Path, windowing: Windowing, shape: tuple[int, ...]) -> Dataset:
    path = folder / "rows.csv"
    path.write_text(text)
    return open_rows(
        path, ModelInput("x", shape), windowing, target_column="target", class_names=()
    )


ROWS = Windowing(columns=(), length=1, step=1, prepare=_add_batch)


def test_every_column_but_the_target_is_read(tmp_path: Path) -> None:
    dataset = _open(TABLE, tmp_path, ROWS, (1, 2))

    (batch,) = dataset.read(8)
    assert batch["x"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0.5, 1.5, 2.5]


def test_columns_come_in_the_models_order(tmp_path: Path) -> None:
    windowing = Windowing(columns=("b", "a"), length=1, step=1, prepare=_add_batch)

    (batch,) = _open(TABLE, tmp_path, windowing, (1, 2)).read(8)

    assert batch["x"].tolist() == [[2, 1], [4, 3], [6, 5]]


def test_a_window_has_the_label_of_its_last_row(tmp_path: Path) -> None:
    windowing = Windowing(columns=("a",), length=2, step=1, prepare=_add_batch)

    dataset = _open(TABLE, tmp_path, windowing, (1, 2, 1))

    (batch,) = dataset.read(8)
    assert batch["x"][:, :, 0].tolist() == [[1, 3], [3, 5]]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1.5, 2.5]
    assert dataset.samples == 2


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 12])
@pytest.mark.parametrize(("length", "step"), [(1, 1), (1, 3), (2, 1), (2, 2), (2, 5), (3, 2)])
def test_as_many_windows_are_read_as_were_counted(
    rows: int, length: int, step: int, tmp_path: Path
) -> None:
    if rows < length:
        return
    windowing = Windowing(columns=("a",), length=length, step=step, prepare=_add_batch)
    text = "a,target\n" + "".join(f"{row},{row}.5\n" for row in range(rows))

    dataset = _open(text, tmp_path, windowing, (1, length, 1))

    windows = np.concatenate([batch["x"] for batch in dataset.read(2)])[:, :, 0]
    assert dataset.labels is not None
    assert len(windows) == dataset.samples == len(dataset.labels)
    assert windows[:, -1].tolist() == [target - 0.5 for target in dataset.labels]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty, expected a header"),
        ("a,b,target\n", "0 rows, a sample needs 1"),
        ("a,b\n1,2\n", "no column target, it has a, b"),
        ("a,b,target\n1,2\n", "line 2 has 2 cells, the header 3"),
    ],
)
def test_a_bad_table_is_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        _open(text, tmp_path, ROWS, (1, 2))


@pytest.mark.parametrize(
    ("cell", "message"),
    [("x", "row 1 has 'x'"), ("nan", "row 1 has 'nan'"), ("1e99", "row 1 has '1e99'")],
)
def test_a_cell_that_is_no_finite_number_is_named(cell: str, message: str, tmp_path: Path) -> None:
    dataset = _open(f"a,b,target\n1,2,0\n3,{cell},1\n", tmp_path, ROWS, (1, 2))

    with pytest.raises(DataError, match=message):
        list(dataset.read(8))


def test_a_row_of_the_wrong_width_says_what_the_model_takes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 values a sample, the model takes \(3,\)"):
        list(_open(TABLE, tmp_path, ROWS, (1, 3)).read(8))
