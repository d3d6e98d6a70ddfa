"""What both models answer to a job's question, on its evaluation data."""

from dataclasses import replace

import numpy as np

from quantize.calibrate.noise import RANDOM_INPUTS
from quantize.errors import DataError
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.job import JobData
from quantize.measure import answers, float_runner, int8_runner
from quantize.report.evaluation import Answers
from quantize.report.subgraphs import logits_name
from quantize.report.task import Task

ANOMALY_PERCENTILE = 99.0


def with_threshold(data: JobData, graph: IntGraph) -> JobData:
    """Return the data with a threshold for anomaly: where none was given, the 99th percentile.

    It is taken of the integers' scores on the calibration data, normal samples only where labels
    tell them.
    """
    question = data.question
    if question.task is not Task.ANOMALY or question.threshold is not None:
        return data
    if data.calibration.name == RANDOM_INPUTS:
        raise DataError("--no-data: the threshold of an anomaly needs data; give --threshold")
    names = (graph.outputs[0], logits_name(graph))
    scores = answers(int8_runner(graph), names, data.calibration, Task.ANOMALY).scores
    if scores is None:
        raise AssertionError("anomaly answers have scores")
    labels = data.calibration.labels
    normal = scores if labels is None else scores[labels == 0]
    threshold = float(np.percentile(normal if len(normal) else scores, ANOMALY_PERCENTILE))
    return replace(data, question=replace(question, threshold=threshold))


def both_answers(data: JobData, before: FloatGraph, after: IntGraph) -> tuple[Answers, Answers]:
    """Return what the float model and the integers say to the evaluation data."""
    return float_answers(data, before), integer_answers(data, after)


def float_answers(data: JobData, graph: FloatGraph) -> Answers:
    """Return what the float model says to the evaluation data."""
    names = (graph.outputs[0], logits_name(graph))
    return answers(float_runner(graph), names, data.evaluation, data.question.task, data.detector)


def integer_answers(data: JobData, graph: IntGraph) -> Answers:
    """Return what the integers say to the evaluation data, on ONNX Runtime."""
    names = (graph.outputs[0], logits_name(graph))
    return answers(int8_runner(graph), names, data.evaluation, data.question.task, data.detector)
