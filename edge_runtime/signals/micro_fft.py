"""The real FFT of 16-bit integers as KISS FFT computes it, bit for bit, for many frames at once.

Every butterfly divides first, so that nothing overflows; every product is rounded to 15 bits.
Source: KISS FFT (github.com/mborgerding/kissfft) with FIXED_POINT=16: kf_bfly2, kf_bfly4,
kiss_fftr, and the macros C_FIXDIV, C_MUL and HALF_OF of _kiss_fft_guts.h.
"""

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.int32]  # int16 values, in a type that holds their sums

SAMPLE_MAX = 32_767
_HALF = 1 << 14


class Complex(NamedTuple):
    """Real and imaginary parts, (..., n)."""

    real: Words
    imag: Words


def real_fft(frames: Words) -> Complex:
    """Return the spectrum of frames (F, n), (F, n / 2 + 1); n a power of two from 4.

    The scale is 1 / n, as every stage halves or quarters.
    """
    even_odd = Complex(frames[:, 0::2], frames[:, 1::2])
    return _split(_complex_fft(even_odd))


@lru_cache(maxsize=64)
def twiddles(count: int, length: int, power: int) -> Complex:
    """Return exp(-2 pi i k power / length) of k in [0, count), as Q0.15."""
    angles = -2.0 * np.pi * (np.arange(count) * power / length)
    return Complex(_q15(np.cos(angles)), _q15(np.sin(angles)))


@lru_cache(maxsize=8)
def super_twiddles(half: int) -> Complex:
    """Return what joins the halves of a real FFT of 2 * half samples, (half / 2,)."""
    angles = -np.pi * ((np.arange(half // 2) + 1) / half + 0.5)
    return Complex(_q15(np.cos(angles)), _q15(np.sin(angles)))


def _q15(values: npt.NDArray[np.float64]) -> Words:
    return np.floor(0.5 + SAMPLE_MAX * values).astype(np.int32)


def _word(values: Words) -> Words:
    """Keep 16 bits, as a store into int16_t does."""
    return values.astype(np.int16).astype(np.int32)


def _divided(values: Complex, divisor: int) -> Complex:
    factor = SAMPLE_MAX // divisor
    return Complex(*(_word((part * factor + _HALF) >> 15) for part in values))


def _times(left: Complex, right: Complex) -> Complex:
    real = left.real * right.real - left.imag * right.imag
    imag = left.real * right.imag + left.imag * right.real
    return Complex(_word((real + _HALF) >> 15), _word((imag + _HALF) >> 15))


def _plus(left: Complex, right: Complex) -> Complex:
    return Complex(_word(left.real + right.real), _word(left.imag + right.imag))


def _minus(left: Complex, right: Complex) -> Complex:
    return Complex(_word(left.real - right.real), _word(left.imag - right.imag))


def _complex_fft(values: Complex) -> Complex:
    """Return the transform over the last axis, stage by stage; the innermost may have radix 2."""
    frames, length = values.real.shape
    order = _order(length)
    spectrum = Complex(values.real[:, order], values.imag[:, order])
    size = 1
    while size < length:
        radix = 2 if size == 1 and (length.bit_length() - 1) % 2 else 4
        shape = (frames, -1, radix, size)
        parts = _divided(Complex(*(part.reshape(shape) for part in spectrum)), radix)
        turned = [Complex(parts.real[:, :, q], parts.imag[:, :, q]) for q in range(radix)]
        for q in range(1, radix):
            turned[q] = _times(turned[q], twiddles(size, size * radix, q))
        joined = _butterfly4(turned) if radix == 4 else _butterfly2(turned)
        pairs = zip(*joined, strict=True)
        spectrum = Complex(*(np.stack(pair, axis=2).reshape(frames, length) for pair in pairs))
        size *= radix
    return spectrum


def _order(length: int) -> list[int]:
    """Return which sample stands at each place before the first stage: its digits reversed."""
    if length == 1:
        return [0]
    radix = 4 if length % 4 == 0 else 2
    inner = _order(length // radix)
    return [radix * index + q for q in range(radix) for index in inner]


def _butterfly2(parts: list[Complex]) -> list[Complex]:
    return [_plus(parts[0], parts[1]), _minus(parts[0], parts[1])]


def _butterfly4(parts: list[Complex]) -> list[Complex]:
    even, odd = _plus(parts[0], parts[2]), _minus(parts[0], parts[2])
    total, difference = _plus(parts[1], parts[3]), _minus(parts[1], parts[3])
    turned = Complex(difference.imag, -difference.real)  # times -i
    return [_plus(even, total), _plus(odd, turned), _minus(even, total), _minus(odd, turned)]


def _split(packed: Complex) -> Complex:
    """Return the spectrum of real samples from that of even + i odd samples."""
    half = packed.real.shape[-1]
    first = _divided(Complex(packed.real[:, :1], packed.imag[:, :1]), 2)
    k = np.arange(1, half // 2 + 1)
    forward = _divided(Complex(packed.real[:, k], packed.imag[:, k]), 2)
    mirrored = _divided(Complex(packed.real[:, half - k], -packed.imag[:, half - k]), 2)
    total, difference = _plus(forward, mirrored), _minus(forward, mirrored)
    turned = _times(difference, super_twiddles(half))
    real = np.zeros((packed.real.shape[0], half + 1), np.int32)
    imag = np.zeros_like(real)
    real[:, 0], real[:, half] = (first.real + first.imag)[:, 0], (first.real - first.imag)[:, 0]
    real[:, k], imag[:, k] = (total.real + turned.real) >> 1, (total.imag + turned.imag) >> 1
    # The middle bin is written twice, the second time wins.
    real[:, half - k] = (total.real - turned.real) >> 1
    imag[:, half - k] = (turned.imag - total.imag) >> 1
    return Complex(_word(real), _word(imag))
