import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.npz import Array, member_names, open_member, read_batches, read_whole
from quantize.errors import DataError


@pytest.fixture
def values() -> Array:
    return np.random.default_rng(16).normal(size=(7, 3, 2)).astype(np.float32)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_put_together_are_the_array(
    save: Callable[..., None], order: str, size: int, values: Array, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    save(path, x=np.asarray(values, order=order))

    batches = list(read_batches(open_member(path, "x"), size))

    assert all(len(batch) <= size for batch in batches)
    assert np.array_equal(np.concatenate(batches), values)


def test_names_and_facts_are_read_without_the_values(values: Array, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=values, y=np.arange(7))

    assert member_names(path) == ("x", "y")
    assert open_member(path, "x").shape == (7, 3, 2)
    assert read_whole(open_member(path, "y")).tolist() == list(range(7))


def test_a_file_that_is_no_npz_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK\x03\x04 nothing more")

    with pytest.raises(DataError, match=r"a\.npz: not a readable \.npz file"):
        member_names(path)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))

    with pytest.raises(DataError, match="holds Python objects"):
        open_member(path, "x")


def test_a_damaged_member_is_one_clear_line(values: Array, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=values)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))

    with pytest.raises(DataError, match=r"a\.npz: x "):
        list(read_batches(open_member(path, "x"), 7))


def test_a_single_value_has_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.float32(1))

    with pytest.raises(DataError, match="single value"):
        open_member(path, "x")


def test_damaged_bytes_anywhere_are_at_worst_one_clear_line(values: Array, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=values)
    whole = path.read_bytes()
    rng = np.random.default_rng(16)
    for _ in range(300):
        data = bytearray(whole)
        for position in rng.integers(0, len(data), 4):
            data[position] = rng.integers(0, 256)
        path.write_bytes(bytes(data))

        with contextlib.suppress(DataError):
            list(read_batches(open_member(path, "x"), 3))
