"""JSON Schemas of predictions, published or asked for, made from the structs that encode them."""

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

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PAYLOADS: dict[str, Any] = {
    PREDICTION_SCHEMA: PredictionPayload,
    EVENT_SCHEMA: EventPayload,
    STATE_SCHEMA: StatePayload,
    ANSWER_SCHEMA: AnswerPayload,
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
    return {
        f"{name.replace('/', '.')}.json": _text(name, payload)
        for name, payload in _PAYLOADS.items()
    }


def _text(name: str, payload: Any) -> bytes:
    types = [payload[result] for result in _RESULTS.values()]
    references, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for component in components.values():  # Python 3.13 indents docstrings otherwise than 3.11
        component["description"] = component["description"].partition("\n")[0]
    for reference, kind in zip(references, _RESULTS, strict=True):
        properties = components[reference["$ref"].rpartition("/")[2]]["properties"]
        properties["schema"] = {"const": name}
        properties["kind"] = {"const": kind}
    schema = {"$schema": _DIALECT, "title": name, "anyOf": references, "$defs": components}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1) + b"\n"
