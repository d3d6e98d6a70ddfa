"""JSON Schemas of what we publish, answer and record, made from the structs that encode it."""

from typing import Any

import msgspec

from edge_runtime.http.answer import ANSWER_SCHEMA, AnswerPayload
from edge_runtime.payloads import (
    EVENT_SCHEMA,
    PREDICTION_SCHEMA,
    STATE_SCHEMA,
    AnomalyResult,
    AreaResult,
    ClassResult,
    EventPayload,
    ObjectResult,
    PoseResult,
    PredictionPayload,
    StatePayload,
    ValueResult,
)
from edge_runtime.recorder.record import SCHEMA as RECORDING_SCHEMA
from edge_runtime.recorder.record import Recording
from edge_runtime.remote.commands import SCHEMA as REPLY_SCHEMA
from edge_runtime.remote.commands import Answer
from edge_runtime.remote.shadow import SCHEMA as REPORTED_SCHEMA
from edge_runtime.remote.shadow import Reported
from edge_runtime.supervisor.health_payloads import (
    ALERT_SCHEMA,
    GAPS_SCHEMA,
    HEALTH_SCHEMA,
    INFO_SCHEMA,
    Alert,
    Gaps,
    Health,
    Info,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OF_RESULTS: dict[str, Any] = {
    PREDICTION_SCHEMA: PredictionPayload,
    EVENT_SCHEMA: EventPayload,
    STATE_SCHEMA: StatePayload,
    ANSWER_SCHEMA: AnswerPayload,
}
_PLAIN: dict[str, Any] = {
    HEALTH_SCHEMA: Health,
    INFO_SCHEMA: Info,
    ALERT_SCHEMA: Alert,
    GAPS_SCHEMA: Gaps,
    REPLY_SCHEMA: Answer,
    REPORTED_SCHEMA: Reported,
    RECORDING_SCHEMA: Recording,
}
_RESULTS = {
    "classification": ClassResult,
    "regression": ValueResult,
    "anomaly": AnomalyResult,
    "detection": ObjectResult,
    "keypoints": PoseResult,
    "segmentation": AreaResult,
}


def payload_schemas() -> dict[str, bytes]:
    """Return each schema's file name and its JSON text."""
    bodies = {name: _of_results(name, payload) for name, payload in _OF_RESULTS.items()}
    bodies |= {name: _plain(name, payload) for name, payload in _PLAIN.items()}
    return {f"{name.replace('/', '.')}.json": _text(name, body) for name, body in bodies.items()}


def _of_results(name: str, payload: Any) -> dict[str, Any]:
    """Return the schema of a payload that is about results, one form for each kind of them."""
    types = [payload[result] for result in _RESULTS.values()]
    references, components = _components(types)
    for reference, kind in zip(references, _RESULTS, strict=True):
        properties = _body(reference, components)["properties"]
        properties["schema"] = {"const": name}
        properties["kind"] = {"const": kind}
    return {"anyOf": references, "$defs": components}


def _plain(name: str, payload: Any) -> dict[str, Any]:
    (reference,), components = _components([payload])
    body = _body(reference, components)
    body["properties"]["schema"] = {"const": name}
    body["required"] = ["schema", *body["required"]]  # has a default and is written all the same
    return {**reference, "$defs": components}


def _components(types: list[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    references, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for component in components.values():  # Python 3.13 indents docstrings otherwise than 3.11
        component["description"] = component.get("description", "").partition("\n")[0]
    return references, components


def _body(reference: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = components[reference["$ref"].rpartition("/")[2]]
    return body


def _text(name: str, body: dict[str, Any]) -> bytes:
    schema = {"$schema": _DIALECT, "title": name, **body}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1) + b"\n"
