"""The edge node of a Sparkplug group: what hosts know of it, and what they are told next; pure.

Source: Sparkplug 3.0.0 specification, chapters 5 (order of messages) and 6.4 (payloads).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge_runtime.link import SourceState
from edge_runtime.sparkplug.metrics import Types, Update
from edge_runtime.sparkplug.names import Names
from edge_runtime.sparkplug.payload import (
    DataType,
    Metric,
    MetricValue,
    Payload,
    encode_payload,
)

BIRTH_NUMBER = "bdSeq"
REBIRTH = "Node Control/Rebirth"
_SEQUENCE_NUMBERS = 256
_GONE = frozenset({SourceState.OFFLINE, SourceState.FINISHED})


@dataclass(frozen=True, slots=True)
class Publication:
    """One message, ready to go; it has its place in the sequence, so all go, in this order."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Known:
    value: MetricValue | None
    at_ms: int


def node_death(names: Names, birth_number: int, now_ms: int) -> Publication:
    """Return the end of the session that a birth of this number began; also the will."""
    metric = Metric(BIRTH_NUMBER, birth_number, now_ms, DataType.INT64)
    return Publication(names.of("NDEATH"), encode_payload(Payload(now_ms, (metric,))))


class EdgeNode:
    """Lives as long as the daemon; used by the session's thread.

    A device is born while its source is there: what stalls, repeats itself or is paused is still
    there, and its metric "Source" says how it is.
    """

    def __init__(
        self, names: Names, devices: Mapping[str, Types], node: Types, *, with_aliases: bool
    ) -> None:
        self._names = names
        self._types: dict[str | None, Types] = {None: node}
        self._types.update(devices)
        self._known: dict[str | None, dict[str, _Known]] = {each: {} for each in self._types}
        self._aliases = _aliases(self._types) if with_aliases else {}
        self._born: set[str] = set()
        self._born_at_ms = 0
        self._seq = 0

    def birth(self, birth_number: int, now_ms: int) -> list[Publication]:
        """Return the births of the node and of all devices that are there."""
        self._born.clear()
        self._born_at_ms = now_ms
        self._seq = 0
        own = (
            Metric(BIRTH_NUMBER, birth_number, now_ms, DataType.INT64),
            Metric(REBIRTH, value=False, at_ms=now_ms, datatype=DataType.BOOLEAN),
        )
        birth = self._publication("NBIRTH", None, (*own, *self._all_metrics(None, now_ms)), now_ms)
        return [birth, *self.lives(now_ms)]

    def note(self, update: Update, now_ms: int) -> list[Publication]:
        """Take over how things are now; return what hosts do not know yet."""
        return self._tell(update.device, self._take_over(update), now_ms)

    def relate(self, update: Update, now_ms: int) -> list[Publication]:
        """Return a happening in full; one from before the last birth does not change the present.

        A device that is not there is born for it; `lives` ends it again.
        """
        values = self._declared(update)
        is_historical = update.at_ms < self._born_at_ms
        if not is_historical:
            self._take_over(update)
        found = []
        device = update.device
        if device is not None and device in self._types and device not in self._born:
            self._note_return(device, update.at_ms)
            found.append(self._device_birth(device, now_ms))
        known = {name: _Known(value, update.at_ms) for name, value in values.items()}
        return [*found, *self._tell(device, known, now_ms, is_historical=is_historical)]

    def lives(self, now_ms: int) -> list[Publication]:
        """Return births and deaths of devices that have come and gone."""
        there = {name for name in self._types if name is not None and self._is_there(name)}
        deaths = [
            self._publication("DDEATH", device, (), now_ms) for device in sorted(self._born - there)
        ]
        self._born &= there
        return [*deaths, *(self._device_birth(name, now_ms) for name in sorted(there - self._born))]

    def _is_there(self, device: str) -> bool:
        source = self._known[device].get("Source")
        return source is not None and source.value not in _GONE

    def _note_return(self, device: str, at_ms: int) -> None:
        """Take what was captured since the source went as word that it is back.

        The event may be here before the word itself; without this the device would die in between.
        """
        source = self._known[device].get("Source")
        if source is None or (source.value in _GONE and source.at_ms < at_ms):
            self._known[device]["Source"] = _Known(SourceState.ONLINE.value, at_ms)

    def _device_birth(self, device: str, now_ms: int) -> Publication:
        self._born.add(device)
        return self._publication("DBIRTH", device, self._all_metrics(device, now_ms), now_ms)

    def _take_over(self, update: Update) -> dict[str, _Known]:
        """Return what differs from what was known; of two values the one captured later stands."""
        known = self._known.get(update.device, {})
        changed = {}
        for name, value in self._declared(update).items():
            before = known.get(name)
            if before is not None and update.at_ms < before.at_ms:
                continue
            known[name] = _Known(value, update.at_ms)
            if before is None or before.value != value:
                changed[name] = known[name]
        return changed

    def _declared(self, update: Update) -> dict[str, MetricValue | None]:
        """Return the values that a birth has told of; what is to be counted, and is not, as 0."""
        types = self._types.get(update.device, {})
        found: dict[str, MetricValue | None] = {}
        if update.whole is not None:
            zeros = (name for name in types if name.startswith(update.whole))
            found = {name: 0 if types[name] is DataType.INT64 else 0.0 for name in zeros}
        return found | {name: value for name, value in update.values.items() if name in types}

    def _tell(
        self, device: str | None, known: Mapping[str, _Known], now_ms: int, *,
        is_historical: bool = False,
    ) -> list[Publication]:  # fmt: skip
        if not known or not (device is None or device in self._born):
            return []
        metrics = []
        for name, each in known.items():
            alias = self._aliases.get((device, name))
            said = name if alias is None else None
            metric = Metric(said, each.value, each.at_ms, alias=alias, is_historical=is_historical)
            metrics.append(metric)
        return [self._publication("NDATA" if device is None else "DDATA", device, metrics, now_ms)]

    def _all_metrics(self, device: str | None, now_ms: int) -> list[Metric]:
        """Return what a birth tells: every metric; the oldest values come first."""
        known = self._known[device]
        unknown = _Known(None, now_ms)
        metrics = [
            Metric(name, each.value, each.at_ms, datatype, self._aliases.get((device, name)))
            for name, datatype in self._types[device].items()
            for each in (known.get(name, unknown),)
        ]
        return sorted(metrics, key=lambda metric: metric.at_ms)

    def _publication(
        self, what: str, device: str | None, metrics: Iterable[Metric], now_ms: int
    ) -> Publication:
        payload = Payload(now_ms, tuple(metrics), self._seq)
        self._seq = (self._seq + 1) % _SEQUENCE_NUMBERS
        return Publication(self._names.of(what, device), encode_payload(payload))


def _aliases(types: Mapping[str | None, Types]) -> dict[tuple[str | None, str], int]:
    """Return a number for every metric, no two alike within the node."""
    names = [(device, name) for device, metrics in types.items() for name in metrics]
    return {name: number for number, name in enumerate(names, start=1)}
