"""Which frames are inferred while the device is hot."""

from pathlib import Path

import pytest

from edge_runtime.config.sources import SyntheticConfig
from edge_runtime.link import Heartbeat, Outgoing, Pace, Stop
from edge_runtime.worker.pacing import PERIOD_S, Pacer
from tests.edge_runtime.bundles import brightness_bundle
from tests.edge_runtime.worker.running import assert_balanced, worker


class Rig:
    def __init__(self, pace: Pace) -> None:
        self.now_s = 0.0
        self.pacer = Pacer(lambda: self.now_s)
        self.pacer.pace = pace

    def passed(self, rate_hz: float, seconds: float) -> int:
        count = 0
        for number in range(round(rate_hz * seconds)):
            self.now_s = number / rate_hz
            count += self.pacer.admits()
        return count


@pytest.mark.parametrize("rate_hz", [7.0, 30.0])
def test_no_more_than_the_allowed_rate_is_inferred(rate_hz: float) -> None:
    assert 290 <= Rig(Pace(5.0)).passed(rate_hz, 60) <= 303


def test_a_source_at_just_the_allowed_rate_loses_nothing() -> None:
    assert Rig(Pace(5.0)).passed(5.0, 60) == 300


def test_half_the_time_is_half_the_frames() -> None:
    assert Rig(Pace(None, 0.5)).passed(10.0, 10 * PERIOD_S) == 5 * 10 * PERIOD_S


def test_without_restraint_all_pass() -> None:
    assert Rig(Pace()).passed(100.0, 2) == 200


@pytest.mark.ort
@pytest.mark.tflite
def test_a_live_source_drops_as_throttled_and_a_recording_waits(tmp_path: Path) -> None:
    bundle = brightness_bundle(tmp_path)
    with worker(bundle, SyntheticConfig(rate_hz=100.0, width=32, height=32)) as running:
        running.until(Outgoing)
        running.pipe.send(Pace(2.0))
        beat = running.until(Heartbeat, count=15)
        assert_balanced(beat)
    with worker(bundle, SyntheticConfig(rate_hz=0, frames=300)) as held:
        held.until(Outgoing)
        held.pipe.send(Pace(2.0))
        waiting = held.until(Heartbeat, count=8)
        held.pipe.send(Stop())
        held.rest()

    assert beat.counters.dropped["throttled"] > 50
    assert waiting.counters.dropped["throttled"] == 0
    assert waiting.counters.inferred < 300
    last = [record for record in held.heard if isinstance(record, Heartbeat)][-1]
    assert_balanced(last)
