"""Bodies of worker processes that behave well or badly on purpose; spawned for real."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from edge_runtime.link import (
    Counters,
    Failed,
    Heartbeat,
    Latencies,
    Outgoing,
    Pause,
    Ready,
    Resume,
    SourceChange,
    SourceState,
    Stop,
)
from edge_runtime.records import Delivery, Message

BEAT_S = 0.05


@dataclass(frozen=True)
class FakeSettings:
    """How to behave."""

    name: str = "door"
    behaviour: str = "good"
    first_sequences: dict[str, int] = field(default_factory=dict)
    events_per_beat: int = 1


def fake_worker(settings: FakeSettings, connection: "Connection[Any, Any]") -> None:
    """Send what a worker sends, and fail the way the settings say."""
    if settings.behaviour == "refuses":
        connection.send(Failed("model broken@1: SHA-256 differs", is_permanent=True))
        raise SystemExit(1)
    if settings.behaviour == "never_ready":
        threading.Event().wait()
    connection.send(Ready("fake", 1, "00ff", "none", 0))
    connection.send(SourceChange(SourceState.ONLINE, "opened"))
    _work(settings, connection)


def _work(settings: FakeSettings, connection: "Connection[Any, Any]") -> None:
    topic = f"p/{settings.name}/event"
    sequence = settings.first_sequences.get(topic, 0)
    is_paused = False
    for beat in range(1_000_000):
        if not is_paused:
            for _ in range(settings.events_per_beat):
                payload = b'{"seq":%d}' % sequence
                connection.send(Outgoing(Message(topic, payload, Delivery.ALL), sequence))
                sequence += 1
        if _misbehave(settings.behaviour, beat, connection):
            return
        connection.send(_beat(settings, beat, is_paused=is_paused))
        while connection.poll(BEAT_S):
            match connection.recv():
                case Stop():
                    message = Message(topic, b'{"last":true}', Delivery.ALL)
                    connection.send(Outgoing(message, sequence))
                    return
                case Pause():
                    is_paused = True
                case Resume():
                    is_paused = False


def _misbehave(behaviour: str, beat: int, connection: "Connection[Any, Any]") -> bool:
    """Go wrong at the fifth beat; return whether to end."""
    if beat < 5:
        return False
    match behaviour:
        case "segfaults":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "falls_silent":
            threading.Event().wait()
        case "freezes":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "gives_up":
            connection.send(Failed("the sensor is gone", is_permanent=False))
            return True
        case "finishes":
            connection.send(SourceChange(SourceState.FINISHED, "end of file"))
            return True
        case "ignores_stop":
            while True:
                time.sleep(0.05)
                connection.send(_beat(FakeSettings(), beat, is_paused=False))
    return False


def _beat(settings: FakeSettings, beat: int, *, is_paused: bool) -> Heartbeat:
    stands_still = settings.behaviour == "stands_still"
    return Heartbeat(
        monotonic_s=time.monotonic(),
        capture_progress=beat,
        infer_progress=0 if stands_still else beat,
        counters=Counters(
            captured=beat + 2, inferred=beat, in_flight=1, dropped={"full": 1}, made={"all": beat}
        ),
        age=Latencies(1.0, 2.0, 3.0),
        infer=Latencies(0.5, 0.6, 0.7),
        source=SourceState.DISABLED if is_paused else SourceState.ONLINE,
        reconnects=0,
        stalls=0,
    )
