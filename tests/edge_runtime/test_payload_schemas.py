"""The schemas that we publish are those of what we publish."""

from pathlib import Path

import msgspec

from edge_runtime.payload_schemas import payload_schemas

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


def test_the_files_are_made_from_the_structs() -> None:
    for name, text in payload_schemas().items():
        assert (SCHEMAS / name).read_bytes() == text, "run scripts/payload_schemas.py"


def test_a_schema_names_itself_and_each_kind() -> None:
    schema = msgspec.json.decode(payload_schemas()["edge.pred.1.json"])

    bodies = [schema["$defs"][part["$ref"].rpartition("/")[2]] for part in schema["anyOf"]]
    assert [body["properties"]["kind"]["const"] for body in bodies] == [
        "classification",
        "regression",
        "anomaly",
        "detection",
        "keypoints",
        "segmentation",
    ]
    assert all(body["properties"]["schema"] == {"const": "edge.pred/1"} for body in bodies)
    assert {"id", "boot", "seq", "ts", "results"} <= set(bodies[0]["required"])
