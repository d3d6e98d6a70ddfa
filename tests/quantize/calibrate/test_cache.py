"""Shards of a calibration: resumed, done in parts, merged in any order, always the same bits."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from quantize.calibrate.cache import BATCHES_PER_SHARD, CalibrationCache, merge_caches
from quantize.calibrate.collect import Batch, Calibration, collect, collect_peaks
from quantize.errors import DataError, MissingShardsError, OutputError

SIZE = 2
SAMPLES = SIZE * BATCHES_PER_SHARD * 3 + 5  # three whole shards and a bit
VALUES = np.random.default_rng(3).normal(size=(SAMPLES, 4, 3)).astype(np.float32)
NETWORK, DATA = b"network", "data"


class Network:
    """Doubles what it reads, and counts how much that was."""

    def __init__(self) -> None:
        self.samples = 0

    def __call__(self, batch: Batch) -> Mapping[str, np.ndarray]:
        self.samples += len(batch["x"])
        return {"layer/1:0": 2 * batch["x"]}


def batches(stop_after: int = SAMPLES) -> Iterator[Batch]:
    for start in range(0, SAMPLES, SIZE):
        if start >= stop_after:
            raise KeyboardInterrupt
        yield {"x": VALUES[start : start + SIZE]}


def facts(seen: Calibration) -> dict[str, object]:
    return {
        name: (h.low, h.high, h.count, h.zeros, h.exponent, h.first, h.counts.tolist())
        for name, h in seen.histograms.items()
    } | {"samples": seen.samples}


def test_shards_say_what_one_pass_says(tmp_path: Path) -> None:
    cache = CalibrationCache(tmp_path, DATA)

    seen, peaks = (
        cache.calibration(NETWORK, batches(), Network()),
        cache.peaks(NETWORK, batches(), Network()),
    )

    assert facts(seen) == facts(collect(batches(), Network()))
    wanted = collect_peaks(batches(), Network())
    assert {name: peak.tolist() for name, peak in peaks.items()} == {
        name: peak.tolist() for name, peak in wanted.items()
    }


def test_what_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    cache, network = CalibrationCache(tmp_path, DATA), Network()
    with pytest.raises(KeyboardInterrupt):
        cache.calibration(NETWORK, batches(stop_after=2 * SIZE * BATCHES_PER_SHARD + 3), Network())

    seen = cache.calibration(NETWORK, batches(), network)

    assert network.samples == SAMPLES - 2 * SIZE * BATCHES_PER_SHARD
    assert facts(seen) == facts(collect(batches(), Network()))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_parts_of_several_machines_are_merged_in_any_order(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    for part in order:
        cache = CalibrationCache(tmp_path / str(part), DATA, (part, 3))
        with pytest.raises(MissingShardsError, match=r"\d of 4 shards of histograms are missing"):
            cache.calibration(NETWORK, batches(), Network())
    copied = merge_caches([tmp_path / str(part) for part in order], tmp_path / "all")

    network = Network()
    seen = CalibrationCache(tmp_path / "all", DATA).calibration(NETWORK, batches(), network)

    assert (copied, network.samples) == (4, 0)
    assert facts(seen) == facts(collect(batches(), Network()))


@pytest.mark.parametrize(("network", "data"), [(b"other", DATA), (NETWORK, "other")])
def test_shards_of_another_network_or_data_are_not_taken(
    network: bytes, data: str, tmp_path: Path
) -> None:
    CalibrationCache(tmp_path, DATA).calibration(NETWORK, batches(), Network())
    again = Network()

    CalibrationCache(tmp_path, data).calibration(network, batches(), again)

    assert again.samples == SAMPLES


def test_a_damaged_shard_is_computed_again(tmp_path: Path) -> None:
    cache = CalibrationCache(tmp_path, DATA)
    cache.calibration(NETWORK, batches(), Network())
    first = min(tmp_path.glob("*/*.npz"))
    whole = first.read_bytes()
    first.write_bytes(whole[:100])

    cache.calibration(NETWORK, batches(), Network())

    assert first.read_bytes() == whole


def test_machines_that_compute_otherwise_are_not_mixed(tmp_path: Path) -> None:
    for name, scale in (("a", 1), ("b", 1 + 1e-6)):
        cache = CalibrationCache(tmp_path / name, DATA)
        cache.peaks(NETWORK, [{"x": VALUES[:2]}], lambda b, s=scale: {"y": s * b["x"]})

    with pytest.raises(DataError, match="compute reals differently"):
        merge_caches([tmp_path / "a", tmp_path / "b"], tmp_path / "all")


def test_the_sample_that_breaks_a_later_shard_is_counted_from_the_start(tmp_path: Path) -> None:
    def broken() -> Iterator[Batch]:
        for number, batch in enumerate(batches()):
            yield {"x": batch["x"] * np.inf} if number == BATCHES_PER_SHARD + 1 else batch

    first = SIZE * (BATCHES_PER_SHARD + 1)
    with pytest.raises(DataError, match=f"samples {first} to {first + SIZE - 1}"):
        CalibrationCache(tmp_path, DATA).calibration(NETWORK, broken(), Network())


def test_no_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples"):
        CalibrationCache(tmp_path, DATA).calibration(NETWORK, iter(()), Network())


def test_folders_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match="file: no folder for a cache"):
        CalibrationCache(tmp_path / "file", DATA)
    with pytest.raises(DataError, match="nowhere: no folder of calibration shards"):
        merge_caches([tmp_path / "nowhere"], tmp_path / "all")
    CalibrationCache(tmp_path / "a", DATA).peaks(NETWORK, batches(), Network())
    with pytest.raises(OutputError, match="cannot be written"):
        merge_caches([tmp_path / "a"], tmp_path / "file")
