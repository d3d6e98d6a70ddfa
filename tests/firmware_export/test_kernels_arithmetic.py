"""Fixed point in C against exact rational arithmetic and real functions."""

from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantize.ir import gemmlowp
from tests.firmware_export.fixed_point_oracle import INT32_MAX, INT32_MIN, requantize
from tests.firmware_export.kernel_host import KernelHost

sanitized = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_edges = st.sampled_from([0, 1, -1, INT32_MIN, INT32_MIN + 1, INT32_MAX, 2**30, -(2**30)])
_accumulators = st.one_of(st.integers(INT32_MIN, INT32_MAX), st.integers(-300, 300), _edges)
_multipliers = st.one_of(
    st.integers(2**30, 2**31 - 1), st.sampled_from([0, 2**29, 2**30, 2**31 - 1])
)
_triples = st.tuples(_accumulators, _multipliers, st.integers(-31, 30))


def _int32(values: list[int]) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)


@sanitized
@given(st.lists(_triples, min_size=1, max_size=200))
def test_requantize_equals_exact_arithmetic(
    kernels: KernelHost, triples: list[tuple[int, int, int]]
) -> None:
    values, multipliers, shifts = (list(column) for column in zip(*triples, strict=True))

    found = kernels("requantize", _int32(multipliers), _int32(shifts), _int32(values))

    assert found.view(np.int32).tolist() == [requantize(*triple) for triple in triples]


_sums = st.one_of(
    st.integers(1 - 2**47, 2**47 - 1),
    st.integers(INT32_MIN - 3, INT32_MIN + 3),
    st.integers(INT32_MAX - 3, INT32_MAX + 3),
    _accumulators,
)
_wide_triples = st.tuples(_sums, st.sampled_from([0, 1, 2**14, 2**15 - 1]), st.integers(-31, 7))


@sanitized
@given(st.lists(_wide_triples, min_size=1, max_size=200))
def test_sums_of_int16_become_codes_by_exact_arithmetic(
    kernels: KernelHost, triples: list[tuple[int, int, int]]
) -> None:
    sums, multipliers, shifts = (list(column) for column in zip(*triples, strict=True))
    low = np.array([value & 0xFFFFFFFF for value in sums], np.uint32).view(np.int32)
    high = _int32([value >> 32 for value in sums])

    found = kernels("finish_s16", _int32(multipliers), _int32(shifts), high, low)

    exact = [floor(Fraction(a * m, 2 ** (15 - s)) + Fraction(1, 2)) for a, m, s in triples]
    assert found.view(np.int32).tolist() == np.clip(exact, -(2**15), 2**15 - 1).tolist()


@pytest.mark.parametrize("shift", range(-31, 0))
def test_midpoints_round_away_from_zero(kernels: KernelHost, shift: int) -> None:
    half = 2 ** (-shift - 1)
    values = [sign * (half + nudge) for sign in (1, -1) for nudge in (-1, 0, 1) if half + nudge]
    values = [2 * value for value in values if abs(2 * value) <= INT32_MAX]
    multipliers = [2**30] * len(values)

    found = kernels(
        "requantize", _int32(multipliers), _int32([shift] * len(values)), _int32(values)
    )

    wanted = [requantize(value, 2**30, shift) for value in values]
    assert found.view(np.int32).tolist() == wanted


def test_exp_is_close_to_the_real_one(kernels: KernelHost, rng: np.random.Generator) -> None:
    raw = -rng.integers(0, 31 * 2**26, 20_000).astype(np.int32)

    found = kernels("exp_of_negative", raw).view(np.int32) / 2.0**31

    np.testing.assert_allclose(found, np.exp(raw / 2.0**26), atol=1e-6)


def test_exp_equals_the_interpreters(kernels: KernelHost, rng: np.random.Generator) -> None:
    edges = [0, -1, -(2**24), -(2**24) - 1, -(2**24) + 1, -(2**26), -(2**30), -31 * 2**26]
    raw = np.r_[_int32(edges), -rng.integers(0, 31 * 2**26, 20_000).astype(np.int32)]

    found = kernels("exp_of_negative", raw).view(np.int32)

    wanted = gemmlowp.exp_on_negative_values(raw.astype(np.int64), 5)
    np.testing.assert_array_equal(found, wanted)


def test_reciprocal_equals_the_interpreters_and_is_close_to_the_real_one(
    kernels: KernelHost, rng: np.random.Generator
) -> None:
    raw = np.r_[0, 1, INT32_MAX, rng.integers(0, INT32_MAX, 20_000)].astype(np.int32)

    found = kernels("reciprocal_of_one_plus", raw).view(np.int32)

    np.testing.assert_array_equal(found, gemmlowp.one_over_one_plus(raw.astype(np.int64)))
    np.testing.assert_allclose(found / 2.0**31, 1 / (1 + raw / 2.0**31), atol=1e-8)
