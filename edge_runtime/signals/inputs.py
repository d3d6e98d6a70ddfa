"""What a bundle may say of a stream of samples: one frozen struct per front end, a closed union.

Every kind cuts the stream into windows of `length` rows, one every `step` rows; a step below the
length makes windows overlap. What the kinds then compute, with formulas: docs/signals.md.
"""

import itertools
import math
from typing import Literal, TypeAlias, assert_never

import msgspec

from edge_runtime.errors import BundleError

MAX_WINDOW_ROWS = 1_000_000
MAX_FFT_LENGTH = 65_536
MAX_BANDS = 1024
MICRO_FFT_LENGTHS = (64, 128, 256, 512, 1024, 2048)


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How rows become windows.

    Attributes:
        columns: Names of the sensor's columns, in the model's order.
        length: Rows in a window, 1 to MAX_WINDOW_ROWS.
        step: Rows from one window to the next, likewise.
    """

    columns: tuple[str, ...] = ("audio",)
    length: int = 1
    step: int = 1


class Scaled(Stream, frozen=True):
    """A stream whose features are scaled at last: (x - mean) / std.

    Attributes:
        mean: One per column (of the features' last axis), or one for all.
        std: Likewise, not 0.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)


class WindowInput(Scaled, frozen=True, kw_only=True, tag="window"):
    """Rows of samples become (1, length, columns) or that flattened: (x - mean) / std.

    Attributes:
        detrend: "mean" takes each column's mean off, "linear" its straight line, per window.
    """

    columns: tuple[str, ...]
    detrend: Literal["none", "mean", "linear"] = "none"


class Frames(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Short overlapping pieces of a window, each of which gives one row of features.

    Attributes:
        length: Samples of a frame; a Hann window is laid over it.
        step: Samples from one frame to the next; what is left at the end is dropped.
        fft_length: Zeros fill a frame up to it; even, not below `length`.
    """

    length: int
    step: int
    fft_length: int


class MelBands(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Overlapping triangles over the spectrum.

    Attributes:
        count: How many.
        low_hz: Where the first begins.
        high_hz: Where the last ends; at most half the sample rate.
        scale: "htk": straight in mel, 1 at the top, without the bin at 0 Hz (as tf.signal);
            "slaney": straight in Hz, area 1 (as librosa's default).
    """

    count: int
    low_hz: float
    high_hz: float
    scale: Literal["htk", "slaney"] = "htk"


class Audio(Scaled, frozen=True, kw_only=True):
    """One column of sound in [-1, 1), cut into frames whose spectrum is summed into mel bands.

    Attributes:
        sample_rate_hz: Of the samples.
        level: "peak" divides the window by its greatest sample.
        power: 1: magnitudes are summed, 2: their squares.
        floor: Added to each sum before the logarithm, above 0.
    """

    sample_rate_hz: int
    frames: Frames
    mel: MelBands
    level: Literal["as_is", "peak"] = "as_is"
    power: Literal[1, 2] = 1
    floor: float = 1e-6


class LogMelInput(Audio, frozen=True, kw_only=True, tag="log_mel"):
    """Logarithms of mel bands, (1, frames, bands).

    Attributes:
        unit: "ln", or "db": 10 log10, or 20 log10 of magnitudes.
    """

    unit: Literal["ln", "db"] = "ln"


class MfccInput(Audio, frozen=True, kw_only=True, tag="mfcc"):
    """Cosine transform of natural log mel bands, (1, frames, coefficients).

    Attributes:
        coefficients: The first so many are kept, 1 to the number of bands.
    """

    coefficients: int


class MicroLogMelInput(Scaled, frozen=True, kw_only=True, tag="micro_log_mel"):
    """TFLite Micro's fixed-point audio front end, (1, frames, bands): its int16 result / 25.6.

    Log mel bands after noise reduction and gain control (PCAN), as the micro_speech models take
    them. The estimate of the noise starts anew in each window.

    Attributes:
        sample_rate_hz: Of the samples, one column of sound in [-1, 1).
        frame_length: Samples of a frame; the FFT takes the next power of two, 64 to 2048.
        frame_step: Samples from one frame to the next.
        bands: How many.
        low_hz: Where the first begins.
        high_hz: Where the last ends.
    """

    sample_rate_hz: int = 16_000
    frame_length: int = 480
    frame_step: int = 320
    bands: int = 40
    low_hz: float = 125.0
    high_hz: float = 7500.0


class SpectrumInput(Scaled, frozen=True, kw_only=True, tag="spectrum"):
    """Power in frequency bands of each column (Welch), (1, columns, bands).

    Attributes:
        sample_rate_hz: Rows a second.
        segment: Rows of one periodogram, even, at most `length`; segments overlap by half.
        edges_hz: Bands lie between neighbours, rising, at least two, at most half the rate.
        detrend: Of each segment.
        unit: "power" in units squared; "db": 10 log10(power + floor).
        floor: Above 0.
    """

    columns: tuple[str, ...]
    sample_rate_hz: float
    segment: int
    edges_hz: tuple[float, ...]
    detrend: Literal["none", "mean", "linear"] = "mean"
    unit: Literal["power", "db"] = "db"
    floor: float = 1e-12


SignalInput: TypeAlias = WindowInput | LogMelInput | MfccInput | MicroLogMelInput | SpectrumInput


def check_signal(spec: SignalInput) -> None:
    """Refuse what no front end can compute; whether the model takes it, its shape says.

    Raises:
        BundleError: A size or number outside what the class allows; it is named.
    """
    if not spec.columns or len(set(spec.columns)) != len(spec.columns):
        raise BundleError(f"columns {spec.columns}, allowed are different names, at least one")
    _check_count("length", spec.length, 1, MAX_WINDOW_ROWS)
    _check_count("step", spec.step, 1, MAX_WINDOW_ROWS)
    match spec:
        case WindowInput():
            last_axis = len(spec.columns)
        case LogMelInput():
            _check_audio(spec)
            last_axis = spec.mel.count
        case MfccInput():
            _check_audio(spec)
            _check_count("coefficients", spec.coefficients, 1, spec.mel.count)
            last_axis = spec.coefficients
        case MicroLogMelInput():
            _check_micro(spec)
            last_axis = spec.bands
        case SpectrumInput():
            _check_spectrum(spec)
            last_axis = len(spec.edges_hz) - 1
        case _:
            assert_never(spec)
    check_scaling(spec.mean, spec.std, last_axis)


def check_scaling(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    """Refuse a mean and a standard deviation that do not fit the last axis.

    Raises:
        BundleError: Another number of them, or NaN, infinity, or a std of 0.
    """
    for name, values in {"mean": mean, "std": std}.items():
        if len(values) not in {1, channels}:
            raise BundleError(f"{name} has {len(values)} numbers, allowed is 1 or {channels}")
        if not all(math.isfinite(value) for value in values):
            raise BundleError(f"{name} {values}, allowed are finite numbers")
    if 0.0 in std:
        raise BundleError(f"std {std}, allowed is anything but 0")


def micro_fft_length(frame_length: int) -> int:
    """Return the FFT length of TFLite Micro's front end: the next power of two."""
    return next(size for size in MICRO_FFT_LENGTHS if size >= frame_length)


def _check_audio(spec: LogMelInput | MfccInput) -> None:
    frames, mel = spec.frames, spec.mel
    _check_one_column(spec.columns)
    _check_count("sample_rate_hz", spec.sample_rate_hz, 1, 1_000_000)
    _check_count("frames.length", frames.length, 2, spec.length)
    _check_count("frames.step", frames.step, 1, spec.length)
    _check_count("frames.fft_length", frames.fft_length, frames.length, MAX_FFT_LENGTH)
    _check_even("frames.fft_length", frames.fft_length)
    _check_count("mel.count", mel.count, 1, MAX_BANDS)
    _check_band("mel.low_hz", (mel.low_hz, mel.high_hz), spec.sample_rate_hz)
    _check_floor(spec.floor)


def _check_micro(spec: MicroLogMelInput) -> None:
    _check_one_column(spec.columns)
    _check_count("sample_rate_hz", spec.sample_rate_hz, 1, 1_000_000)
    _check_count("frame_length", spec.frame_length, 33, min(spec.length, MICRO_FFT_LENGTHS[-1]))
    _check_count("frame_step", spec.frame_step, 1, spec.length)
    _check_count("bands", spec.bands, 1, MAX_BANDS)
    _check_band("low_hz", (spec.low_hz, spec.high_hz), spec.sample_rate_hz)
    bin_hz = spec.sample_rate_hz / micro_fft_length(spec.frame_length)
    if spec.high_hz > spec.sample_rate_hz / 2 - bin_hz:
        raise BundleError(
            f"high_hz {spec.high_hz}, allowed is {spec.sample_rate_hz / 2 - bin_hz:g} and below"
        )


def _check_spectrum(spec: SpectrumInput) -> None:
    if not (math.isfinite(spec.sample_rate_hz) and spec.sample_rate_hz > 0):
        raise BundleError(f"sample_rate_hz {spec.sample_rate_hz}, allowed is above 0")
    _check_count("segment", spec.segment, 4, min(spec.length, MAX_FFT_LENGTH))
    _check_even("segment", spec.segment)
    _check_count("edges_hz", len(spec.edges_hz), 2, MAX_BANDS + 1)
    _check_band("edges_hz", spec.edges_hz, spec.sample_rate_hz)
    _check_floor(spec.floor)


def _check_one_column(columns: tuple[str, ...]) -> None:
    if len(columns) != 1:
        raise BundleError(f"columns {columns}, sound has one")


def _check_count(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BundleError(f"{name} {value}, allowed is {least} to {most}")


def _check_even(name: str, value: int) -> None:
    if value % 2:
        raise BundleError(f"{name} {value}, allowed is an even number")


def _check_band(name: str, edges_hz: tuple[float, ...], sample_rate_hz: float) -> None:
    is_rising = all(low < high for low, high in itertools.pairwise(edges_hz))
    if not is_rising or not edges_hz[0] >= 0 or not edges_hz[-1] <= sample_rate_hz / 2:
        raise BundleError(
            f"{name}: {', '.join(f'{edge:g}' for edge in edges_hz)}, allowed is rising within "
            f"0 to {sample_rate_hz / 2:g}"
        )


def _check_floor(floor: float) -> None:
    if not 0.0 < floor < math.inf:
        raise BundleError(f"floor {floor}, allowed is above 0")
