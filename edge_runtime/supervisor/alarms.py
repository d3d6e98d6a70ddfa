"""What is wrong now: the reasons in health, and an alert when each begins and ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.host.starts import Caution
from edge_runtime.link import Parity, SourceState, Trouble
from edge_runtime.mqtt.outbox.status import OutboxStatus, Storage
from edge_runtime.mqtt.session import SessionState, SessionStatus
from edge_runtime.supervisor.supervised import Supervised, WorkerState

SOURCE_GRACE_S = 3.0  # a camera takes a moment to open
SPARKPLUG_GRACE_S = 10.0  # its connection comes after the device's own
_BAD_SOURCES = frozenset(
    {SourceState.OFFLINE, SourceState.STALLED, SourceState.FROZEN, SourceState.GARBLED}
)
_BAD_WORKERS = {WorkerState.RESTARTING: "worker_lost", WorkerState.FAILED: "worker_failed"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is wrong, and where."""

    kind: str
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """How it shows itself, and how long it has to last before it counts."""

    text: str
    grace_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """A condition that began or ended."""

    subject: Subject
    text: str
    is_over: bool


def conditions(
    pipelines: Sequence[Supervised], session: SessionStatus, outbox: OutboxStatus
) -> dict[Subject, Condition]:
    """Return what is wrong at this moment."""
    found = {}
    for pipeline in pipelines:
        kind = _BAD_WORKERS.get(pipeline.state)
        if kind is not None and pipeline.failure is not None:
            found[Subject(kind, pipeline.name)] = Condition(pipeline.failure.why)
        elif pipeline.state is WorkerState.RUNNING and pipeline.source in _BAD_SOURCES:
            text = f"{pipeline.source.value}: {pipeline.source_why}"
            found[Subject("source_lost", pipeline.name)] = Condition(text, SOURCE_GRACE_S)
        if (parity := _parity(pipeline)) is not None and not parity.is_kept:
            text = (
                f"{parity.differing} of {parity.audited} audited inferences differ by up to "
                f"{parity.max_lsb} codes from {parity.engine}, allowed are {parity.bound_lsb}"
            )
            found[Subject("parity_lost", pipeline.name)] = Condition(text)
        for trouble in _troubles(pipeline):
            found[Subject(trouble.kind, pipeline.name)] = Condition(trouble.text)
    if outbox.storage is not Storage.OK:
        found[Subject("storage")] = Condition(outbox.storage.value)
    if outbox.is_over_budget:
        text = "enough was written for now: commits wait for up to 10 minutes"
        found[Subject("write_budget")] = Condition(text)
    if outbox.regression is not None:
        found[Subject("seq_regression")] = Condition(outbox.regression)
    if session.state is SessionState.ONLINE and session.trouble is not None:
        text = f"{session.trouble.cause.value}: {session.trouble.text}"
        found[Subject("broker_refuses")] = Condition(text)
    if session.takeovers:
        text = "another client connects with this device's id"
        found[Subject("duplicate_id")] = Condition(text)
    return found


def sparkplug_conditions(
    native: SessionStatus, sparkplug: SessionStatus
) -> dict[Subject, Condition]:
    """Return what is wrong with Sparkplug's connection that is not wrong with the device's own."""
    is_alone = sparkplug.state is not SessionState.ONLINE and native.state is SessionState.ONLINE
    if not is_alone or sparkplug.trouble is None:
        return {}
    text = f"{sparkplug.trouble.cause.value}: {sparkplug.trouble.text}"
    return {Subject("sparkplug_lost"): Condition(text, SPARKPLUG_GRACE_S)}


def _parity(pipeline: Supervised) -> Parity | None:
    return None if pipeline.heartbeat is None else pipeline.heartbeat.parity


def _troubles(pipeline: Supervised) -> tuple[Trouble, ...]:
    return () if pipeline.heartbeat is None else pipeline.heartbeat.troubles


def safe_mode(caution: Caution, broken_starts: int) -> dict[Subject, Condition]:
    """Return what is wrong for as long as a start that held back runs."""
    if caution is Caution.NONE:
        return {}
    text = f"{caution.value} after {broken_starts} starts that broke off"
    return {Subject("safe_mode"): Condition(text)}


def unsigned_models(passed: Mapping[str, Sequence[str]]) -> dict[Subject, Condition]:
    """Return what is wrong for as long as newer bundles than those that run are not signed."""
    return {
        Subject("model_refused", pipeline): Condition(f"not signed: {', '.join(models)}")
        for pipeline, models in passed.items()
        if models
    }


class Alarms:
    """Remembers since when what is wrong."""

    def __init__(self) -> None:
        self._since_s: dict[Subject, float] = {}
        self._active: dict[Subject, str] = {}

    def update(self, now_s: float, found: Mapping[Subject, Condition]) -> list[Change]:
        """Take over what is wrong now; return what began and what ended."""
        self._since_s = {subject: self._since_s.get(subject, now_s) for subject in found}
        changes = []
        for subject, condition in found.items():
            is_due = now_s - self._since_s[subject] >= condition.grace_s
            if subject not in self._active and is_due:
                changes.append(Change(subject, condition.text, is_over=False))
            if subject in self._active or is_due:
                self._active[subject] = condition.text
        gone = [subject for subject in self._active if subject not in found]
        changes += [Change(subject, self._active.pop(subject), is_over=True) for subject in gone]
        return changes

    def reasons(self) -> tuple[str, ...]:
        """Return one line for each thing that is wrong; none means "online", not "degraded"."""
        return tuple(
            f"{subject.pipeline}: {subject.kind}: {text}"
            if subject.pipeline is not None
            else f"{subject.kind}: {text}"
            for subject, text in self._active.items()
        )
