"""A job: what the user asked for, as one value; and the data and the question that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.calibrate.labels import read_class_names
from quantize.calibrate.open_data import (
    AS_THE_MODEL_TAKES_IT,
    DataSettings,
    Preprocessing,
    open_data,
)
from quantize.errors import DataError, ModelError
from quantize.ir.graph import Array
from quantize.load.loaded import LoadedModel
from quantize.recipe import Recipe
from quantize.report.evaluation import Question, check_question
from quantize.report.task import Task, class_cut, infer_task, output_size


@dataclass(frozen=True, slots=True)
class Job:
    """What to quantize, with what, to where.

    Attributes:
        model: The float model.
        calibrate: Data that the ranges are learned from.
        evaluate: Data that is measured on; None: the calibration data.
        out: Directory of bundles.
        name: Of the bundle; None: the model file's.
        version: Of the bundle; None: the one after the highest.
        force: Replace that version where it exists.
        recipe: How.
        task: None: inferred.
        labels: File of class names, one a line; None: the model's or the data's.
        preprocessing: What the device does to a frame.
        target_column: Of a .csv file.
        threshold: Of the anomaly score; None: the 99th percentile on the calibration data.
        max_drop: How much worse the metric may be; None: anything.
        page: Write report.html, and what only it shows into the report.
    """

    model: Path
    calibrate: Path
    out: Path
    evaluate: Path | None = None
    name: str | None = None
    version: int | None = None
    force: bool = False
    recipe: Recipe = Recipe()  # noqa: RUF009  # frozen
    task: Task | None = None
    labels: Path | None = None
    preprocessing: Preprocessing = AS_THE_MODEL_TAKES_IT
    target_column: str | None = None
    threshold: float | None = None
    max_drop: float | None = None
    page: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class JobData:
    """The samples of a job, and what is asked of both models.

    Attributes:
        calibration: What the ranges are learned from.
        evaluation: What is measured on; the same as `calibration` where no other was given.
        question: The task, its labels and the names of the classes.
    """

    calibration: Dataset
    evaluation: Dataset
    question: Question


def model_inputs(loaded: LoadedModel) -> tuple[ModelInput, ...]:
    """Return what the model takes, in its own order."""
    return tuple(
        ModelInput(name, loaded.graph.tensors[name].shape, loaded.input_permutations.get(name))
        for name in loaded.graph.inputs
    )


def open_job_data(job: Job, loaded: LoadedModel) -> JobData:
    """Return the job's data, checked against the model as far as that can be without running it.

    Raises:
        DataError: Missing, empty, of another shape than the model takes, or labels that do not
            match the model's outputs.
        ModelError: The model has several inputs, which a bundle cannot describe.
    """
    inputs = model_inputs(loaded)
    if len(inputs) != 1:
        names = ", ".join(model_input.name for model_input in inputs)
        raise ModelError(f"{job.model}: {len(inputs)} inputs ({names}), a bundle's model has one")
    names_given = loaded.labels if job.labels is None else read_class_names(job.labels)
    settings = DataSettings(job.preprocessing, job.target_column, names_given)
    calibration = open_data(job.calibrate, inputs, settings)
    settings = replace(settings, class_names=names_given or calibration.class_names)
    evaluation = calibration
    if job.evaluate is not None:
        evaluation = open_data(job.evaluate, inputs, settings)
    question = _question(job, loaded, calibration, evaluation, settings.class_names)
    return JobData(calibration, evaluation, question)


def _question(
    job: Job,
    loaded: LoadedModel,
    calibration: Dataset,
    evaluation: Dataset,
    names: Sequence[str],
) -> Question:
    known = evaluation.labels if evaluation.labels is not None else calibration.labels
    hint = loaded.task_hint if job.task is None else job.task.value
    task = infer_task(loaded.graph, known, hint)
    columns = output_size(loaded.graph)
    question = Question(
        task=task,
        labels=_whole(evaluation.labels, task),
        groups=evaluation.groups,
        class_names=_class_names(task, columns, names or evaluation.class_names),
        threshold=job.threshold,
        class_cut=class_cut(loaded.graph),
    )
    check_question(question, columns)
    if job.max_drop is not None and (question.labels is None or task is Task.TENSOR):
        raise DataError("--max-drop needs labels to measure by, the data has none")
    return question


def _class_names(task: Task, columns: int, names: Sequence[str]) -> tuple[str, ...]:
    if task is not Task.CLASSIFICATION:
        return tuple(names) if task is Task.REGRESSION and len(names) == columns else ()
    classes = max(columns, 2)
    if names and len(names) != classes:
        raise DataError(f"labels: {len(names)} names, the model has {classes} classes")
    return tuple(names) or tuple(str(index) for index in range(classes))


def _whole(labels: Array | None, task: Task) -> Array | None:
    """Return classes that were written as 1.0 as whole numbers."""
    if labels is None or task not in {Task.CLASSIFICATION, Task.ANOMALY}:
        return labels
    is_whole = labels.ndim == 1 and labels.dtype.kind == "f" and bool(np.all(labels % 1 == 0))
    return labels.astype(np.int64) if is_whole else labels
