"""The command `edge-runtime replay`."""

from pathlib import Path

import click
import msgspec

from edge_runtime.config.loading import load_config, read_environment
from edge_runtime.errors import ReplayError
from edge_runtime.recorder.reading import read_recording
from edge_runtime.recorder.record import Sent
from edge_runtime.recorder.replay import Replayed, replay


def replay_recording(recording: Path, config: Path) -> int:
    """Write the messages of a recording to stdout; return 0 where they are those of then.

    Raises:
        EdgeRuntimeError: Recording or configuration cannot be used.
    """
    recorded = read_recording(recording)
    frames = messages = 0
    difference: str | None = None
    try:
        for replayed in replay(recorded, load_config(config), read_environment()):
            frames, messages = frames + 1, messages + len(replayed.sent)
            difference = difference or replayed.difference()
            _write(replayed)
    except ReplayError as error:
        if not frames:
            raise
        difference = difference or str(error)
    if difference is not None:
        click.echo(f"different: {difference}", err=True)
        return 1
    click.echo(f"identical: {messages} messages of {frames} frames", err=True)
    return 0


def _write(replayed: Replayed) -> None:
    for sent in replayed.sent:
        click.echo(msgspec.json.encode(_Line.of(sent)).decode())


class _Line(msgspec.Struct, frozen=True):
    """A message as a line; its payload stands in it byte by byte."""

    topic: str
    seq: int
    payload: msgspec.Raw

    @classmethod
    def of(cls, sent: Sent) -> "_Line":
        return cls(sent.topic, sent.sequence, msgspec.Raw(sent.payload.encode()))
