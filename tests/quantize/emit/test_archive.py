import io

import numpy as np

from quantize.emit.archive import npz_bytes


def test_numpy_reads_the_arrays_back() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)

    loaded = np.load(io.BytesIO(npz_bytes({"a": values, "b": values.T})), allow_pickle=False)

    assert np.array_equal(loaded["a"], values)
    assert np.array_equal(loaded["b"], values.T)


def test_order_of_the_arrays_and_time_do_not_change_the_bytes() -> None:
    a, b = np.arange(3), np.zeros(2)

    assert npz_bytes({"a": a, "b": b}) == npz_bytes({"b": b, "a": a})
    assert b"\x00\x00!\x00" in npz_bytes({"a": a})[:16]  # 1980-01-01 00:00 in a zip header
