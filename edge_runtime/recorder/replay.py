"""A recording through the same chain once more: the same frames give the same messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edge_runtime.config.loading import Environment, models_directory
from edge_runtime.config.structs import Config, PipelineConfig
from edge_runtime.errors import ReplayError
from edge_runtime.link import Outgoing, Ready
from edge_runtime.models.signature import model_key
from edge_runtime.models.store import find_bundle
from edge_runtime.pipeline import unobserved
from edge_runtime.recorder.reading import Recorded
from edge_runtime.recorder.record import Entry, Kept, Sent
from edge_runtime.recorder.recorder import Ended, NoRecorder, as_text
from edge_runtime.recorder.tape import Playback
from edge_runtime.records import Frame
from edge_runtime.worker.accounts import Accounts
from edge_runtime.worker.control import Control
from edge_runtime.worker.inference import Inference, InferenceParts
from edge_runtime.worker.models import Models, open_models
from edge_runtime.worker.settings import WorkerSettings
from edge_runtime.worker.slot import FrameSlot
from edge_runtime.worker.thinking import audited, make_thinking


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a recorded frame now, beside what became of it then."""

    entry: Entry
    drop: str | None
    sent: tuple[Sent, ...]

    def difference(self) -> str | None:
        """Return the first thing that is otherwise, None where all is the same, byte by byte."""
        frame = f"frame {self.entry.ref.sequence}"
        if self.drop != self.entry.drop:
            then, now = (drop or "inferred" for drop in (self.entry.drop, self.drop))
            return f"{frame}: was {then}, is {now}"
        if len(self.sent) != len(self.entry.sent):
            return f"{frame}: {len(self.entry.sent)} messages then, {len(self.sent)} now"
        for then_sent, now_sent in zip(self.entry.sent, self.sent, strict=True):
            if then_sent != now_sent:
                return f"{frame}: {_first_difference(then_sent, now_sent)}"
        return None


def replay(recorded: Recorded, config: Config, environment: Environment) -> Iterator[Replayed]:
    """Yield what becomes of each frame; ends where the chain asks for more than was recorded.

    Raises:
        ReplayError: The configuration has no such pipeline, or other models.
        BundleError: A model is not there, or cannot be used; EngineError likewise.
    """
    settings = _settings(recorded, config, environment)
    models = open_models(settings)
    _check_models(recorded.recording.models, models.ready)
    playback = Playback()
    player = _Player(settings, models, playback)
    player.thinking.restore(recorded.recording.memory)
    for together in _in_hand_together(recorded.kept):
        playback.load(together[0].entry.readings)
        yield from player.play(together)


def _in_hand_together(kept: Sequence[Kept]) -> Iterator[Sequence[Kept]]:
    """Yield the frames that were in hand together, in order."""
    begins = [at for at, each in enumerate(kept) if at == 0 or not each.entry.joins]
    for first, end in pairwise([*begins, len(kept)]):
        yield kept[first:end]


class _Listener(NoRecorder):
    """Keeps what became of the frames that were in hand last."""

    def __init__(self) -> None:
        self.ended: Sequence[Ended] = ()

    def end(self, ended: Sequence[Ended]) -> None:
        self.ended = ended


class _Player:
    """The inference loop of a worker, fed by hand."""

    def __init__(self, settings: WorkerSettings, models: Models, playback: Playback) -> None:
        models, _ = audited(models, settings.pipeline)
        outside = playback.outside()
        self.thinking = make_thinking(settings, models, outside, unobserved)
        self._listener, self._control = _Listener(), Control(0.0)
        self._inference = Inference(
            InferenceParts(
                chain=self.thinking.chain,
                publisher=self.thinking.publisher,
                slot=FrameSlot(),
                accounts=Accounts(),
                control=self._control,
                send=_keep_here,
                max_age_ms=settings.pipeline.max_age_ms,
                drops_when_paused=False,
                time=outside.edges.time,
                recorder=self._listener,
            )
        )

    def play(self, together: Sequence[Kept]) -> list[Replayed]:
        self._control.threshold = together[0].entry.threshold
        self._inference.take([_frame(kept) for kept in together])
        pairs = zip(together, self._listener.ended, strict=True)
        return [Replayed(kept.entry, ended.drop, as_text(ended.sent)) for kept, ended in pairs]


def _keep_here(_outgoing: Outgoing) -> None:
    """Send nothing: the listener hears of it."""


def _frame(kept: Kept) -> Frame:
    assert kept.values is not None
    return Frame(kept.entry.ref, kept.values, kept.entry.label)


def _settings(recorded: Recorded, config: Config, environment: Environment) -> WorkerSettings:
    recording = recorded.recording
    pipeline = _pipeline(config, recording.pipeline)
    models: Path = models_directory(config, environment)
    key = model_key(config)
    own, *further = (find_bundle(table.model, models, key) for table in pipeline.models)
    sequences = recording.memory.publisher.sequences
    file = None if config.models_key_file is None else Path(config.models_key_file)
    return WorkerSettings(
        pipeline, own, recording.boot, sequences, further=tuple(further), model_key=file
    )


def _pipeline(config: Config, name: str) -> PipelineConfig:
    found = {pipeline.name: pipeline for pipeline in config.pipeline}
    if name not in found:
        known = ", ".join(sorted(found))
        raise ReplayError(f"the recording is of pipeline {name!r}, the configuration has {known}")
    return found[name]


def _check_models(then: Ready, now: Ready) -> None:
    for was, is_now in zip((then, *then.further), (now, *now.further), strict=False):
        if (was.digest, was.engine) != (is_now.digest, is_now.engine):
            raise ReplayError(
                f"recorded with {_named(was)}, the configuration has {_named(is_now)}"
            )
    if len(then.further) != len(now.further):
        raise ReplayError(
            f"recorded with {len(then.further)} further models, "
            f"the configuration has {len(now.further)}"
        )


def _named(ready: Ready) -> str:
    return f"{ready.model}@{ready.version} {ready.digest[:12]}… on {ready.engine}"


def _first_difference(then: Sent, now: Sent) -> str:
    if (then.topic, then.sequence) != (now.topic, now.sequence):
        return f"{then.topic} {then.sequence} then, {now.topic} {now.sequence} now"
    pairs = enumerate(zip(then.payload, now.payload, strict=False))
    shorter = min(len(then.payload), len(now.payload))
    place = next((index for index, (a, b) in pairs if a != b), shorter)
    begins = max(0, place - 40)
    excerpts = (text[begins : place + 40] for text in (then.payload, now.payload))
    was, is_now = excerpts
    return f"{then.topic} {then.sequence}: …{was}… then, …{is_now}… now"
