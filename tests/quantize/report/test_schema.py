"""The certificate is what its JSON Schema says, as an independent validator sees it."""

import json
from pathlib import Path

import jsonschema
import pytest

from quantize.job import Job
from quantize.pipeline import run_job
from quantize.report.schema import report_schema
from tests.conftest import ROOT
from tests.quantize.cases import save_classifier, save_classifier_data

SCHEMA = json.loads(report_schema())


def test_the_schema_in_the_docs_is_that_of_the_structs() -> None:
    written = (ROOT / "docs" / "schemas" / "edge.report.1.json").read_bytes()

    assert written == report_schema(), "run scripts/payload_schemas.py"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.tflite
@pytest.mark.ort
def test_a_certificate_is_valid_and_a_spoiled_one_is_not(tmp_path: Path) -> None:
    model, data = save_classifier(tmp_path), save_classifier_data(tmp_path)
    bundle = run_job(Job(model=model, calibrate=data, out=tmp_path / "out"), lambda *_: None).bundle
    report = json.loads((bundle / "report.json").read_text())
    validator = jsonschema.Draft202012Validator(SCHEMA)

    validator.validate(report)

    for part, value in (
        ("schema", "edge.report/2"),
        ("explanation", {}),
        ("accuracy", None),
        ("layers", 5),
    ):
        assert not validator.is_valid({**report, part: value}), part
