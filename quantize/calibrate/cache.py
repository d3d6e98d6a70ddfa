"""A calibration that can stop and go on, be done in parts, and be put together from many places.

What samples showed is kept per shard of the data, a file each, in a folder whose name is made of
everything that it hangs on: the network that ran (so the model, and all of the recipe that changed
it before), the data and the size of its batches. Shards merge exactly, in any order.
"""

import hashlib
import io
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.calibrate.collect import Batch, Calibration, Runner, collect, collect_peaks
from quantize.calibrate.histogram import Histogram, merge
from quantize.calibrate.npz import DAMAGED, Array
from quantize.errors import DataError, MissingShardsError, OutputError

BATCHES_PER_SHARD = 16

Peaks: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
_Look: TypeAlias = Callable[[Iterable[Batch], int], dict[str, Array]]


class CalibrationCache:
    """The shards of one data set in a folder, for any network."""

    def __init__(self, folder: Path, data_sha256: str, part: tuple[int, int] = (0, 1)) -> None:
        """Look at a folder, which is made where it is missing.

        Args:
            folder: Where shards are kept.
            data_sha256: Of the data's files.
            part: (i, n): compute shards i, i + n, i + 2n, … of those missing.

        Raises:
            OutputError: It cannot be made.
        """
        self._folder, self._data, self._part = folder, data_sha256, part
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: no folder for a cache ({error.strerror})") from error

    def calibration(self, network: bytes, batches: Iterable[Batch], run: Runner) -> Calibration:
        """Return what `collect` returns, from shards and for those that are missing from a run.

        Args:
            network: The file that `run` runs.
            batches: Of all the data; they are only read where their shard is there.
            run: Gives every tensor that matters for one batch.

        Raises:
            MissingShardsError: Another part's shards are not there yet; ours are.
            DataError: As `collect`.
        """

        def look(shard: Iterable[Batch], start: int) -> dict[str, Array]:
            return _calibration_arrays(collect(shard, run, start))

        shards = self._arrays("histograms", network, batches, look)
        return reduce(_merged_calibrations, map(_calibration_of, shards))

    def peaks(self, network: bytes, batches: Iterable[Batch], run: Runner) -> Peaks:
        """Return what `collect_peaks` returns; arguments and errors as above."""

        def look(shard: Iterable[Batch], start: int) -> dict[str, Array]:
            return _named(collect_peaks(shard, run, start))

        shards = self._arrays("peaks", network, batches, look)
        return reduce(_merged_peaks, map(_unnamed, shards))

    def _arrays(
        self, kind: str, network: bytes, batches: Iterable[Batch], look: _Look
    ) -> Iterator[dict[str, Array]]:
        """Yield the arrays of all shards, computing our part of those that are missing."""
        missing = total = 0
        folder: Path | None = None
        for number, shard in enumerate(_shards(batches)):
            size = len(next(iter(shard[0].values())))
            folder = folder or self._folder_of(kind, network, size)
            path = folder / f"{number:06d}.npz"
            total, arrays = number + 1, _read(path)
            if arrays is None and number % self._part[1] == self._part[0]:
                arrays = look(shard, number * BATCHES_PER_SHARD * size)
                _write(path, arrays)
            if arrays is not None:
                yield arrays
            missing += arrays is None
        if total == 0:
            raise DataError("calibration data: no samples, expected at least 1")
        if missing:
            raise MissingShardsError(kind, missing, total)

    def _folder_of(self, kind: str, network: bytes, batch_size: int) -> Path:
        facts = (kind, hashlib.sha256(network).hexdigest(), self._data, str(batch_size))
        return self._folder / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def merge_caches(sources: Iterable[Path], target: Path) -> int:
    """Return how many shards came new into `target` from other folders.

    Raises:
        DataError: Two folders hold unlike shards of one name: their machines compute reals
            differently.
        OutputError: `target` cannot be written.
    """
    copied = 0
    for source in sources:
        if not source.is_dir():
            raise DataError(f"{source}: no folder of calibration shards")
        for path in sorted(source.glob("*/*.npz")):
            wanted, content = target / path.relative_to(source), path.read_bytes()
            if not wanted.exists():
                _write_bytes(wanted, content)
                copied += 1
            elif wanted.read_bytes() != content:
                raise DataError(
                    f"{path}: differs from {wanted}; these machines compute reals differently,"
                    " so calibrate on one kind only"
                )
    return copied


def _shards(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    rest = iter(batches)
    while shard := list(itertools.islice(rest, BATCHES_PER_SHARD)):
        yield shard


def _calibration_arrays(seen: Calibration) -> dict[str, Array]:
    histograms = seen.histograms.values()
    ends = [(h.low, h.high) for h in histograms]
    facts = [(h.count, h.zeros, h.exponent, h.first) for h in histograms]
    arrays = _named({name: histogram.counts for name, histogram in seen.histograms.items()})
    return arrays | {
        "ends": np.array(ends, np.float64),
        "facts": np.array(facts, np.int64),
        "samples": np.array([seen.samples], np.int64),
    }


def _calibration_of(arrays: Mapping[str, Array]) -> Calibration:
    histograms = {
        name: Histogram(*map(float, ends), *map(int, facts), counts)  # type: ignore[call-arg, arg-type]  # in its order
        for (name, counts), ends, facts in zip(
            _unnamed(arrays).items(), arrays["ends"], arrays["facts"], strict=True
        )
    }
    return Calibration(histograms, int(arrays["samples"][0]))


def _merged_calibrations(left: Calibration, right: Calibration) -> Calibration:
    pairs = ((name, merge(seen, right.histograms[name])) for name, seen in left.histograms.items())
    return Calibration(dict(pairs), left.samples + right.samples)


def _merged_peaks(left: Peaks, right: Peaks) -> Peaks:
    return {name: np.maximum(peak, right[name]) for name, peak in left.items()}


def _named(values: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays by number, and their names: a name may hold what a file name may not."""
    numbered = {f"value_{number}": array for number, array in enumerate(values.values())}
    return {"names": np.array(list(values)), **numbered}


def _unnamed(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {str(name): arrays[f"value_{number}"] for number, name in enumerate(arrays["names"])}


def _read(path: Path) -> dict[str, Array] | None:
    """Return the arrays of a shard, None where it is missing or damaged: it is computed again."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return dict(arrays)
    except DAMAGED:
        return None


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # no name is "file"
    _write_bytes(path, content.getvalue())


def _write_bytes(path: Path, content: bytes) -> None:
    """Write beside and rename: an interruption leaves no half of a shard."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
