"""What was heard on a broker against the JSON Schemas that docs/schemas gives to subscribers."""

import json
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "schemas"
EACH = 3


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of a schema such as edge.health/1."""
    return Draft202012Validator(
        json.loads((SCHEMAS / f"{name.replace('/', '.')}.json").read_text())
    )


def check_payloads(heard: Iterable[tuple[str, bytes]]) -> int:
    """Check the newest messages on each topic; returns how many said what their schema is.

    Raises:
        jsonschema.ValidationError: One is not what its schema says.
    """
    by_topic: dict[str, list[dict[str, Any]]] = {}
    for topic, payload in heard:
        body = _body(payload)
        if str(body.get("schema")).startswith("edge."):
            by_topic.setdefault(topic, []).append(body)
    newest = [body for bodies in by_topic.values() for body in islice(reversed(bodies), EACH)]
    for body in newest:
        validator(body["schema"]).validate(body)
    return len(newest)


def _body(payload: bytes) -> dict[str, Any]:
    try:
        body = json.loads(payload)
    except ValueError:  # states are plain text, Sparkplug is not JSON
        return {}
    return body if isinstance(body, dict) else {}
