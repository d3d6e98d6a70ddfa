"""A host that judges: everything a Sparkplug group says, held against the specification's rules.

Each rule carries the id of the statement in the Sparkplug 3.0.0 specification that it checks.
"""

from dataclasses import dataclass, field

from edge_runtime.sparkplug.payload import DataType, Metric, Payload, decode_payload
from tests.broker.mosquitto import Heard

GROUP, NODE = "plant", "pi-1"


@dataclass
class Device:
    """What a birth told, by name, and by alias where there are aliases."""

    types: dict[str, DataType | None]
    names: dict[int, str]
    values: dict[str, object]


@dataclass
class Host:
    """Follows one edge node; `hear` fails on the first thing that the specification forbids."""

    is_online: bool = False
    birth_number: int | None = None
    births: int = 0
    stale_deaths: int = 0
    seq: int | None = None
    born_at_ms: int = 0
    node: Device | None = None
    devices: dict[str, Device] = field(default_factory=dict)
    historical: list[tuple[str, str, Metric]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def hear(self, heard: Heard) -> None:
        space, group, what, node, *device = heard.topic.split("/")
        if what == "NCMD":
            return
        assert (space, group, node) == ("spBv1.0", GROUP, NODE)  # tck-id-topic-structure
        assert bool(device) == what.startswith("D")
        assert not heard.retain  # tck-id-payloads-*-retain
        # tck-id-payloads-*-qos; a death that the node says itself is granted QoS 0 or 1
        assert heard.qos == 0 or what == "NDEATH"
        self.log.append("/".join([what, *device]))
        payload = decode_payload(heard.payload)
        assert payload.at_ms > 0  # tck-id-payloads-*-timestamp
        assert all(metric.at_ms > 0 for metric in payload.metrics)
        if what == "NDEATH":
            self._end(payload)
            return
        self._count(what, payload)
        match what:
            case "NBIRTH":
                self._begin(payload)
            case "DBIRTH":
                assert self.is_online  # tck-id-payloads-dbirth-order
                self.devices[device[0]] = _born(payload)
            case "DDEATH":
                assert not payload.metrics
                del self.devices[device[0]]
            case "NDATA":
                assert self.node is not None
                self._update("", self.node, payload)
            case "DDATA":
                self._update(device[0], self.devices[device[0]], payload)
            case _:
                raise AssertionError(heard.topic)

    def values(self, device: str | None = None) -> dict[str, object]:
        found = self.node if device is None else self.devices.get(device)
        return {} if found is None else found.values

    def _count(self, what: str, payload: Payload) -> None:
        if what == "NBIRTH":  # tck-id-payloads-sequence-num-zero-nbirth
            assert payload.seq == 0
        else:  # tck-id-payloads-sequence-num-incrementing
            assert self.seq is not None
            assert payload.seq == (self.seq + 1) % 256, (what, self.seq, payload.seq)
        self.seq = payload.seq

    def _begin(self, payload: Payload) -> None:
        self.node = _born(payload)
        rebirth = self.node.values["Node Control/Rebirth"]
        assert rebirth is False  # tck-id-topics-nbirth-rebirth-metric
        assert self.node.types["Node Control/Rebirth"] is DataType.BOOLEAN
        assert "Node Control/Rebirth" not in self.node.names.values()  # …-rebirth-name-aliases
        number = self.node.values["bdSeq"]  # tck-id-topics-nbirth-bdseq-included
        assert isinstance(number, int)
        assert 0 <= number <= 255
        if self.birth_number is not None:  # …-bdseq-increment, or a rebirth with the same number
            same = self.is_online and number == self.birth_number
            assert same or (number - self.birth_number) % 256 > 0
        self.birth_number, self.is_online = number, True
        self.devices.clear()
        self.births += 1
        self.born_at_ms = payload.at_ms

    def _end(self, payload: Payload) -> None:
        assert payload.seq is None  # tck-id-payloads-ndeath-seq
        (metric,) = payload.metrics  # tck-id-topics-ndeath-payload
        assert metric.name == "bdSeq"
        if metric.value != self.birth_number:
            self.stale_deaths += 1
            return
        self.is_online = False
        self.devices.clear()

    def _update(self, device: str, known: Device, payload: Payload) -> None:
        assert self.is_online  # tck-id-payloads-ndata-order, …-ddata-order
        assert payload.metrics
        for metric in payload.metrics:
            assert metric.datatype is None  # tck-id-payloads-metric-datatype-not-req
            if known.names:  # tck-id-payloads-alias-data-cmd-requirement
                assert metric.name is None
                assert metric.alias is not None
                name = known.names[metric.alias]
            else:
                assert metric.name is not None
                name = metric.name
            assert name in known.types  # tck-id-topics-dbirth-metric-reqs
            _fits(metric, known.types[name])
            if metric.is_historical:
                assert metric.at_ms < self.born_at_ms
                self.historical.append((device, name, metric))
            else:
                known.values[name] = metric.value


def _born(payload: Payload) -> Device:
    names = [metric.name for metric in payload.metrics]
    assert None not in names  # tck-id-payloads-name-birth-data-requirement
    assert len(set(names)) == len(names)
    aliases = [metric.alias for metric in payload.metrics if metric.alias is not None]
    assert len(set(aliases)) == len(aliases)  # tck-id-payloads-alias-uniqueness
    times = [metric.at_ms for metric in payload.metrics]
    if "bdSeq" not in names:
        assert times == sorted(times)  # tck-id-operational-behavior-data-publish-dbirth-order
    for metric in payload.metrics:
        assert metric.datatype is not None  # tck-id-payloads-metric-datatype-req
        _fits(metric, metric.datatype)
        assert not metric.is_historical
    return Device(
        types={str(metric.name): metric.datatype for metric in payload.metrics},
        names={metric.alias: str(metric.name) for metric in payload.metrics if metric.alias},
        values={str(metric.name): metric.value for metric in payload.metrics},
    )


def _fits(metric: Metric, datatype: DataType | None) -> None:
    """tck-id-payloads-metric-datatype-value."""
    kinds = {
        DataType.INT64: int, DataType.DOUBLE: float, DataType.BOOLEAN: bool, DataType.STRING: str,
    }  # fmt: skip
    assert datatype is not None
    assert metric.value is None or type(metric.value) is kinds[datatype], (metric, datatype)
