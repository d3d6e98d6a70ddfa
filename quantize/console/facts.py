"""Facts: what `--json` prints."""

from typing import Any

import msgspec

from quantize.compare.comparison import Comparison
from quantize.pipeline import Outcome


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """Return what `run --json` prints, but for its cost."""
    evaluation, facts = outcome.report.evaluation, outcome.report.facts
    metric = evaluation.metrics[0] if evaluation.metrics else None
    return {
        "bundle": str(outcome.bundle),
        "task": evaluation.task.value,
        "metric": metric
        and {"name": metric.name, "float": metric.float_value, "int8": metric.int8_value},
        "metrics": {
            entry.name: {"float": entry.float_value, "int8": entry.int8_value}
            for entry in evaluation.metrics
        },
        "groups": {
            name: {"name": entry.name, "float": entry.float_value, "int8": entry.int8_value}
            for name, entry in evaluation.groups.items()
        },
        "samples": evaluation.samples,
        "sqnr_db": evaluation.sqnr_db,
        "logits_sqnr_db": evaluation.logits_sqnr_db,
        "agreement": evaluation.agreement,
        "changed_predictions": evaluation.changed_predictions,
        "files": {"onnx_bytes": facts.onnx_bytes, "tflite_bytes": facts.tflite_bytes},
        "parity": {
            name: {
                "max_lsb": parity.max_lsb,
                "differing_share": parity.differing_share,
                "changed_predictions": parity.changed_predictions,
                "operation_max_lsb": parity.operation_max_lsb,
                "samples": parity.samples,
            }
            for name, parity in outcome.report.parity.items()
        },
        "search": msgspec.to_builtins(outcome.report.search),
    }


def comparison_facts(found: Comparison) -> dict[str, Any]:
    """Return what `compare --json` prints: what is said of the output stands at the top."""
    facts: dict[str, Any] = msgspec.to_builtins(found)
    output = facts.pop("output")
    return {
        key: value for key, value in output.items() if value is not None or key == "sqnr_db"
    } | facts
