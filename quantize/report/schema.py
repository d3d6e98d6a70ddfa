"""JSON Schema of report.json, made from the structs that encode it."""

from typing import Any

import msgspec

from quantize.report.report import SCHEMA, Report

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def report_schema() -> bytes:
    """Return the JSON text of the schema."""
    (reference,), components = msgspec.json.schema_components(
        [Report], ref_template="#/$defs/{name}"
    )
    for component in components.values():  # Python 3.13 indents docstrings otherwise than 3.11
        if "description" in component:
            component["description"] = component["description"].partition("\n")[0]
    root: dict[str, Any] = components[reference["$ref"].rpartition("/")[2]]
    root["properties"]["schema"] = {"const": SCHEMA}
    root["required"] = ["schema", *root["required"]]
    schema = {"$schema": _DIALECT, "title": SCHEMA, **reference, "$defs": components}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1) + b"\n"
