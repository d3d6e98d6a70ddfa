"""A process that puts numbered events into an outbox, and says each that was committed."""

import sys
from itertools import count
from pathlib import Path

from edge_runtime.host.time_source import TimeSource
from edge_runtime.mqtt.outbox.outbox import Outbox
from edge_runtime.mqtt.outbox.settings import OutboxSettings
from edge_runtime.records import Delivery, Message

BATCH = 5


def main(directory: str) -> None:
    place = OutboxSettings(Path(directory) / "outbox.db", max_loss_window_s=60.0)
    outbox = Outbox(place, TimeSource(), "boot-a")
    for number in count(1):
        outbox.put(Message("p/door/event", b"%d" % number + b" " * 300, Delivery.ALL))
        if number % BATCH == 0:
            outbox.commit()
            print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
