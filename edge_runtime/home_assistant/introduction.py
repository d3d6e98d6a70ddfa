"""What Home Assistant is told of this device, given what it was told before."""

from dataclasses import dataclass

import msgspec

from edge_runtime._version import __version__
from edge_runtime.home_assistant.components import (
    Availability,
    Component,
    Components,
    Machine,
    device_availability,
    device_components,
    pipeline_components,
)
from edge_runtime.home_assistant.known import Known
from edge_runtime.models.described import Described
from edge_runtime.mqtt import topics
from edge_runtime.records import Delivery, Message

NAME = "edge-runtime"


class Device(msgspec.Struct, frozen=True):
    """How Home Assistant knows and names the device."""

    identifiers: tuple[str, ...]
    name: str
    model: str
    sw_version: str


class Origin(msgspec.Struct, frozen=True):
    """Who describes it."""

    name: str
    sw_version: str


class Description(msgspec.Struct, frozen=True):
    """The payload of `homeassistant/device/<device>/config`."""

    device: Device
    origin: Origin
    components: Components
    availability: tuple[Availability, ...]
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Introduction:
    """What to say at a birth.

    Attributes:
        first: Until it was said once.
        later: At every other birth, and whenever Home Assistant has started.
        before: What Home Assistant may know from now on; kept before anything is said.
        after: What it knows once `first` was said; None: nothing.
    """

    first: tuple[Message, ...]
    later: tuple[Message, ...]
    before: Known
    after: Known | None


def introduce(
    machine: Machine, pipelines: tuple[Described, ...], known: Known | None
) -> Introduction:
    """Return the description of all pipelines, and the end of what is described no more.

    The ends stay in the description for as long as this daemon runs, so that Home Assistant finds
    them too where it was away from the broker; the next start leaves them out.
    """
    device = machine.topics.device
    components = device_components(machine)
    for pipeline in pipelines:
        components |= pipeline_components(machine, pipeline)
    present = Known(device, {name: c.platform for name, c in components.items()})
    goodbyes: tuple[Message, ...] = ()
    before = present
    if known is not None and known.device == device:
        before = Known(device, known.platforms | present.platforms)
        gone = known.platforms.keys() - components.keys()
        components |= {name: Component(platform=known.platforms[name]) for name in sorted(gone)}
    elif known is not None:
        goodbyes, before = (_farewell(known.device),), known
    description = _message(device, _encode(machine, components))
    return Introduction((*goodbyes, description), (description,), before, present)


def farewell(known: Known) -> Introduction:
    """Return how a device leaves Home Assistant, with all its entities."""
    return Introduction((_farewell(known.device),), (), known, None)


def _farewell(device: str) -> Message:
    return _message(device, b"")


def _encode(machine: Machine, components: Components) -> bytes:
    device = machine.topics.device
    description = Description(
        device=Device((f"edge_{device}",), device, NAME, __version__),
        origin=Origin(NAME, __version__),
        components=components,
        availability=(device_availability(machine.topics),),
    )
    return msgspec.json.encode(description)


def _message(device: str, payload: bytes) -> Message:
    topic = topics.abroad(topics.home_assistant_config(device))
    return Message(topic, payload, Delivery.LATEST, retain=True)
