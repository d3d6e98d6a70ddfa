"""T1 against the whole daemon: libfaketime moves its wall clock by years while it works."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker.mosquitto import eventually
from tests.chaos.invariants import violations
from tests.chaos.stand import SETTLE_S, Stand

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


def faketime() -> Path | None:
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.mark.parametrize("jump", ["-10y", pytest.param("+10y", marks=pytest.mark.slow)])
def test_t1_a_clock_that_jumps_ten_years_stops_no_timer(
    tmp_path: Path, record_property: Callable[[str, object], None], jump: str
) -> None:
    library = faketime()
    if library is None:
        pytest.skip("needs libfaketime")
    offset = tmp_path / "offset"
    offset.write_text("+0")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    # Slow frames: each reading of the clock reads libfaketime's file; timers are judged, not speed.
    with Stand(tmp_path, rate_hz=10, environment=environment) as stand:
        stand.start()
        before = stand.settle()
        stand.link.is_cut = True  # so that something waits while the clock jumps
        threading.Event().wait(1.0)
        offset.write_text(jump)
        threading.Event().wait(1.0)
        stand.link.heal()

        eventually(lambda: stand.healths()[-1].ts[:4] != before.ts[:4], "the jump", SETTLE_S)
        after = stand.settle()
        stand.wait_for_events(20)
        assert after.boot == before.boot
        assert "expired/all" not in after.mqtt.dropped
        assert violations(stand, stand.settle()) == []
        clocks = {json.loads(text)["host"]["clock"] for text in stand.consumer.texts("/health")}
        record_property("observed", f"{jump}: {before.ts[:4]} to {after.ts[:4]}, clock {clocks}")
