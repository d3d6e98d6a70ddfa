"""The entities of one device, as Home Assistant's MQTT discovery names their settings.

Source: home-assistant.io, integrations `mqtt`, `sensor.mqtt`, `binary_sensor.mqtt`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from edge_runtime.decoders.specs import (
    AnomalyDecoder,
    ClassificationDecoder,
    RegressionDecoder,
    SegmentationDecoder,
)
from edge_runtime.link import SourceState
from edge_runtime.models.described import Described
from edge_runtime.mqtt import topics
from edge_runtime.mqtt.topics import Topics

Platform: TypeAlias = Literal["sensor", "binary_sensor"]
Components: TypeAlias = dict[str, "Component"]  # by what Home Assistant calls the component's id

_ALIVE = "{{ 'online' if value in ('online', 'degraded') else 'offline' }}"
_DELIVERS = "{{ 'online' if value == 'online' else 'offline' }}"
_SCORE = "value_json.results[0].score"


class Availability(msgspec.Struct, frozen=True):
    """A topic of whose text the template makes "online" or "offline"."""

    topic: str
    value_template: str


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entity; with nothing but its platform it tells that the entity is gone.

    Attributes:
        availability: In place of the device's own.
        expire_after: Seconds after which a value that is not renewed is unknown.
    """

    platform: Platform
    unique_id: str | None = None
    name: str | None = None
    state_topic: str | None = None
    value_template: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    unit_of_measurement: str | None = None
    suggested_display_precision: int | None = None
    options: tuple[str, ...] | None = None
    entity_category: Literal["diagnostic"] | None = None
    expire_after: int | None = None
    availability: tuple[Availability, ...] | None = None
    availability_mode: Literal["all"] | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What has to be known of the machine.

    Attributes:
        expire_after_s: Of a number out of `health`.
        has_temperature: Whether `health` carries one.
    """

    topics: Topics
    expire_after_s: int
    has_temperature: bool


def device_availability(names: Topics) -> Availability:
    """Return when the device is there: a degraded one is."""
    return Availability(names.full(topics.STATUS), _ALIVE)


def device_components(machine: Machine) -> Components:
    """Return the diagnostics of the whole device."""
    found = {
        "cpu": _number(machine, "CPU", "value_json.host.cpu_pct", "%"),
        "memory": _number(
            machine, "Memory", "value_json.host.rss_mb", "MiB", device_class="data_size"
        ),
        "queued": _number(machine, "Queued messages", "value_json.mqtt.queued", None, precision=0),
    }
    if machine.has_temperature:
        found["temperature"] = _number(
            machine,
            "Temperature",
            "value_json.host.temp_c.values() | list | max",
            "°C",
            device_class="temperature",
        )
    return _with_ids(machine, lambda key: key, found)


def pipeline_components(machine: Machine, pipeline: Described) -> Components:
    """Return what a pipeline says of the world, its source, and its diagnostics."""
    mine = f"(value_json.pipelines | selectattr('name', 'eq', '{pipeline.name}') | first)"
    found = _outcome(machine, pipeline) if pipeline.has_state else {}
    found |= {
        "source": Component(
            platform="sensor",
            name=f"{pipeline.name} source",
            state_topic=machine.topics.full(topics.pipeline_source(pipeline.name)),
            device_class="enum",
            options=tuple(state.value for state in SourceState),
            entity_category="diagnostic",
        ),
        "fps": _number(machine, f"{pipeline.name} rate", f"{mine}.fps_infer", "fps"),
        "latency": _number(
            machine,
            f"{pipeline.name} latency",
            f"({mine}.age_ms or {{}}).p50 | default(none)",
            "ms",
            device_class="duration",
        ),
    }
    return _with_ids(machine, lambda key: f"{pipeline.name}_{key}", found)


def _outcome(machine: Machine, pipeline: Described) -> Components:
    """Return the entities of `state`, by what the model decodes to."""
    name = pipeline.name
    match pipeline.decoder:
        case ClassificationDecoder():
            share = f"{{{{ ({_SCORE} * 100) | round(1) }}}}"
            return {
                "class": _state(machine, name, "class", "{{ value_json.state }}"),
                "confidence": _state(machine, name, "confidence", share, unit="%"),
            }
        case AnomalyDecoder():
            flag = "{{ 'ON' if value_json.state == 'anomaly' else 'OFF' }}"
            score = _state(machine, name, "anomaly score", f"{{{{ {_SCORE} }}}}", unit="")
            return {
                "anomaly": _state(machine, name, "anomaly", flag, flag="problem"),
                "score": score,
            }
        case RegressionDecoder(names=names, unit=unit):
            return {
                f"value{index}": _state(
                    machine, name, what, f"{{{{ value_json.results[{index}].value }}}}", unit=unit
                )
                for index, what in enumerate(names)
            }
        case None:
            return {}
        case SegmentationDecoder(background=background):
            return _areas(machine, pipeline, background)
        case _:
            return _objects(machine, pipeline)


def _objects(machine: Machine, pipeline: Described) -> Components:
    """Return whether there is any object, and how many: of all, and of each label."""
    name = pipeline.name
    any_flag = "{{ 'OFF' if value_json.state == 'none' else 'ON' }}"
    total = "{{ value_json.counts.values() | sum }}"
    found = {
        "present": _state(machine, name, "objects present", any_flag, flag="occupancy"),
        "objects": _state(machine, name, "objects", total, unit=""),
    }
    for index, label in enumerate(pipeline.labels):
        count = f"{{{{ value_json.counts.get('{_quoted(label)}', 0) }}}}"
        found[f"count{index}"] = _state(machine, name, f"{label} count", count, unit="")
    return found


def _areas(machine: Machine, pipeline: Described, background: int | None) -> Components:
    """Return which classes are there, and what each covers."""
    name = pipeline.name
    found = {"class": _state(machine, name, "classes", "{{ value_json.state }}")}
    for index, label in enumerate(pipeline.labels):
        if index == background:
            continue
        mine = f"value_json.results | selectattr('label', 'eq', '{_quoted(label)}')"
        share = (
            f"{{{{ (({mine} | map(attribute='share') | first | default(0)) * 100) | round(1) }}}}"
        )
        found[f"share{index}"] = _state(machine, name, f"{label} share", share, unit="%")
    return found


def _quoted(label: str) -> str:
    """Return a label as it stands within a template's quotes."""
    return label.replace("\\", "\\\\").replace("'", "\\'")


def _state(
    machine: Machine, pipeline: str, what: str, template: str, *, unit: str | None = None,
    flag: Literal["problem", "occupancy"] | None = None,
) -> Component:  # fmt: skip
    """Return an entity of the retained `state`, there as long as device and source are.

    Its unit is None for a text, "" for a number without one.

    Without expire_after: a slow source renews its state seldom, and a retained value would come
    back after a restart of Home Assistant with its time run afresh.
    """
    source = machine.topics.full(topics.pipeline_source(pipeline))
    return Component(
        platform="binary_sensor" if flag else "sensor",
        name=f"{pipeline} {what}",
        state_topic=machine.topics.full(topics.pipeline_state(pipeline)),
        value_template=template,
        device_class=flag,
        state_class=None if unit is None else "measurement",
        unit_of_measurement=unit or None,
        availability=(device_availability(machine.topics), Availability(source, _DELIVERS)),
        availability_mode="all",
    )


def _number(
    machine: Machine, name: str, expression: str, unit: str | None, *,
    device_class: str | None = None, precision: int = 1,
) -> Component:  # fmt: skip
    """Return a diagnostic out of `health`; what health does not know is unknown there too."""
    return Component(
        platform="sensor",
        name=name,
        state_topic=machine.topics.full(topics.HEALTH),
        value_template=f"{{{{ {expression} }}}}",
        device_class=device_class,
        state_class="measurement",
        unit_of_measurement=unit,
        suggested_display_precision=precision,
        entity_category="diagnostic",
        expire_after=machine.expire_after_s,
    )


def _with_ids(machine: Machine, name_of: Callable[[str], str], found: Components) -> Components:
    """Return the components by their ids: a key holds no "_", so no two pipelines share an id."""
    return {
        name_of(key): msgspec.structs.replace(
            component, unique_id=f"edge_{machine.topics.device}_{name_of(key)}"
        )
        for key, component in found.items()
    }
