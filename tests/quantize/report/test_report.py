import json
import math

from quantize.report.accuracy import AccuracyDetails
from quantize.report.evaluation import Evaluation, Metric
from quantize.report.explanation import Explanation
from quantize.report.layers import LayerError
from quantize.report.parity import OperationParity, Parity
from quantize.report.report import ModelFacts, Report, encode_report, manifest_metrics
from quantize.report.task import Task

EVALUATION = Evaluation(
    task=Task.REGRESSION,
    samples=4,
    metrics=(Metric("rmse", 0.5, math.inf),),
    classes=(),
    groups={"b": Metric("rmse", 1.0, 2.0), "a": Metric("rmse", 1.0, 2.0)},
    agreement=None,
    changed_predictions=None,
    sqnr_db=None,
    logits_sqnr_db=31.5,
)
REPORT = Report(
    model="net",
    facts=ModelFacts("onnx", 100, 30, 40, {"Conv2D": 2}, 5000),
    profile="tflm",
    calibration_samples=9,
    evaluated_on="calibration data",
    evaluation=EVALUATION,
    range_methods={"conv": "min_max"},
    parity={"onnxruntime": Parity(1, 0.5, None, 4, 1, (OperationParity("c", "Conv2D", 1, 0.1),))},
    layers=(LayerError("conv", "Conv2D", None, 0.0, -1.0, 1.0),),
    accuracy=AccuracyDetails((), None, None, (), (), ()),
    explanation=Explanation((), (), (), (), ()),
)


def test_the_report_is_json_with_its_schema() -> None:
    decoded = json.loads(encode_report(REPORT))

    assert decoded["schema"] == "edge.report/1"
    assert decoded["evaluation"]["logits_sqnr_db"] == 31.5
    assert decoded["parity"]["onnxruntime"]["operations"][0]["name"] == "c"
    assert decoded["layers"][0]["sqnr_db"] is None


def test_the_same_report_has_the_same_bytes() -> None:
    assert encode_report(REPORT) == encode_report(REPORT)
    assert encode_report(REPORT).endswith(b"}\n")


def test_only_finite_numbers_reach_the_manifest() -> None:
    assert manifest_metrics(EVALUATION) == {"float_rmse": 0.5, "logits_sqnr_db": 31.5}
