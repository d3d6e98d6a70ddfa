"""Write docs/schemas from the structs; a test fails where the two differ."""

from pathlib import Path

from edge_runtime.payload_schemas import payload_schemas
from quantize.report.schema import report_schema

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "schemas"


def main() -> None:
    """Write every schema file."""
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in {**payload_schemas(), "edge.report.1.json": report_schema()}.items():
        (SCHEMAS / name).write_bytes(text)
        print(f"wrote docs/schemas/{name}")


if __name__ == "__main__":
    main()
