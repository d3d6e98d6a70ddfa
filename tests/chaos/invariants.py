"""What has to hold after every fault, seen from a consumer, from health and from /proc.

I1 every record is delivered or counted        I5 memory, descriptors, threads, disk are bounded
I2 none is delivered with a wrong content      I6 health or an alert shows the fault (see `endure`)
I3 every missing number is told in a gap       I7 healthy again without a human (see `endure`)
I4 the model that runs is the bundle's
"""

import json
from pathlib import Path

from edge_runtime.manifest import file_of, load_bundle
from edge_runtime.supervisor.health_payloads import Health
from tests.broker.mosquitto import eventually
from tests.chaos.slopes import counts
from tests.chaos.stand import Stand

STREAMS = ("event", "alert")
MOST_RSS_MB = 400.0
MOST_DESCRIPTORS = 100
MOST_THREADS = 60
MOST_STATE_BYTES = 64 << 20
TOLD_WITHIN_S = 60.0


def violations(stand: Stand, health: Health) -> list[str]:
    """Return what does not hold; `health` is that of a daemon that has settled."""
    return [
        *_books(health),
        *_contents(stand),
        *_holes(stand),
        *_model(stand, health),
        *_resources(stand, health),
    ]


def _books(health: Health) -> list[str]:
    found = []
    for pipe in health.pipelines:
        gone = pipe.inferred + pipe.in_flight + sum(pipe.dropped.values())
        if pipe.captured != gone:
            found.append(f"I1 {pipe.name}: captured {pipe.captured}, accounted for {gone}")
    box = health.mqtt.outbox
    if box.accepted + box.found != box.waiting + box.delivered + box.dropped:
        found.append(f"I1 outbox: {box}")
    return found


def _contents(stand: Stand) -> list[str]:
    accounts = stand.consumer.accounts()
    found = [f"I2 {key}: altered" for key, account in accounts.items() if account.altered]
    return found + (["I2 garbled payloads"] if stand.consumer.garbled else [])


def _holes(stand: Stand) -> list[str]:
    """Return numbers that never came and that no message on `gaps` explains."""
    try:
        eventually(lambda: not unexplained(stand), "gaps told", TOLD_WITHIN_S)
    except AssertionError:
        return [f"I3 {key}: {numbers[:10]} missing" for key, numbers in unexplained(stand).items()]
    return []


def unexplained(stand: Stand) -> dict[tuple[str, str], list[int]]:
    """Return the missing numbers of events and alerts that were not told, by (topic, boot)."""
    told = told_gaps(stand)
    left = {
        key: [number for number in account.missing if number not in told.get(key, ())]
        for key, account in stand.consumer.accounts().items()
        if key[0].endswith(STREAMS)
    }
    return {key: numbers for key, numbers in left.items() if numbers}


def told_gaps(stand: Stand) -> dict[tuple[str, str], set[int]]:
    """Return the numbers that the device says no one will get, by (topic, boot)."""
    found: dict[tuple[str, str], set[int]] = {}
    for text in stand.consumer.texts("/gaps"):
        for gap in json.loads(text)["gaps"]:
            key = (f"edge/v1/test/pi-1/{gap['topic']}", gap["boot"])
            found.setdefault(key, set()).update(range(gap["first"], gap["last"] + 1))
    return found


def _model(stand: Stand, health: Health) -> list[str]:
    manifest = load_bundle(stand.directory / "models" / "brightness" / "1")
    files = [file_of(manifest, role) for role in ("onnx", "tflite")]
    known = {f"sha256:{file.sha256}" for file in files if file is not None}
    return [
        f"I4 {pipe.name}: runs {pipe.model}"
        for pipe in health.pipelines
        if pipe.model is None or pipe.model.digest not in known
    ]


def _resources(stand: Stand, health: Health) -> list[str]:
    found = []
    if health.host.rss_mb is not None and health.host.rss_mb > MOST_RSS_MB:
        found.append(f"I5 {health.host.rss_mb} MB")
    assert stand.daemon.process is not None
    for pid in (stand.daemon.process.pid, *stand.daemon.workers()):
        held = counts(pid)
        if held.descriptors > MOST_DESCRIPTORS or held.threads > MOST_THREADS:
            found.append(f"I5 process {pid}: {held}")
    size = sum(path.stat().st_size for path in _files(stand.daemon.state))
    if size > MOST_STATE_BYTES:
        found.append(f"I5 state directory: {size} bytes")
    return found


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
