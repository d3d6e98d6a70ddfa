"""A job: what the user asked for, as one value; and the data and the question that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.decoders.shapes import check_decoder
from edge_runtime.decoders.specs import DetectionDecoder, ImageDecoder, task_of
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, Preprocessing
from quantize.budget import Budget
from quantize.calibrate.boxes import read_boxes
from quantize.calibrate.dataset import Dataset, ModelInput
from quantize.calibrate.labels import read_class_names
from quantize.calibrate.noise import noise
from quantize.calibrate.open_data import (
    AS_THE_MODEL_TAKES_IT,
    DataSettings,
    open_data,
)
from quantize.detecting import Detector, as_objects
from quantize.errors import DataError, ModelError
from quantize.ir.graph import Array
from quantize.load.loaded import LoadedModel
from quantize.parallel import Workers
from quantize.recipe import Recipe
from quantize.report.evaluation import Question, check_question
from quantize.report.task import Task, class_cut, infer_task, output_size


@dataclass(frozen=True, slots=True)
class Job:
    """What to quantize, with what, to where.

    Attributes:
        model: The float model.
        calibrate: Data that the ranges are learned from; None: there is none.
        evaluate: Data that is measured on; None: the calibration data, or random inputs.
        out: Directory of bundles.
        name: Of the bundle; None: the model file's.
        version: Of the bundle; None: the one after the highest.
        force: Replace that version where it exists.
        recipe: How.
        task: None: inferred.
        labels: File of class names, one a line; None: the model's or the data's.
        preprocessing: What the device does to a frame.
        decoder: What the outputs of a detector, a segmentation or a pose mean; None: the task says.
        boxes: True boxes of what is measured on, for a detector; None: only its outputs are.
        target_column: Of a .csv file.
        threshold: Of the anomaly score; None: the 99th percentile on the calibration data.
        budget: How much worse the integers may be, and for how long to search; not without data.
        workers: Who works in a search.
        input_range: What every input lies in; only where there is no calibration data.
        cache: Folder of calibration shards; None: nothing is kept.
        page: Write report.html, and what only it shows into the report.
    """

    model: Path
    calibrate: Path | None
    out: Path
    evaluate: Path | None = None
    name: str | None = None
    version: int | None = None
    force: bool = False
    recipe: Recipe = Recipe()  # noqa: RUF009  # frozen
    task: Task | None = None
    labels: Path | None = None
    preprocessing: Preprocessing = AS_THE_MODEL_TAKES_IT
    decoder: ImageDecoder | None = None
    boxes: Path | None = None
    target_column: str | None = None
    threshold: float | None = None
    budget: Budget = Budget()  # noqa: RUF009  # frozen
    workers: Workers = Workers()  # noqa: RUF009  # frozen
    input_range: tuple[float, float] = (0.0, 1.0)
    cache: Path | None = None
    page: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class JobData:
    """The samples of a job, and what is asked of both models.

    Attributes:
        calibration: What the ranges are learned from; random inputs where there is no data.
        evaluation: What is measured on; the same as `calibration` where no other was given.
        question: The task, its labels and the names of the classes.
        detector: What boxes are measured by; None where they are not.
    """

    calibration: Dataset
    evaluation: Dataset
    question: Question
    detector: Detector | None = None


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
    calibration = (
        noise(inputs, *job.input_range)
        if job.calibrate is None
        else open_data(job.calibrate, inputs, settings)
    )
    settings = replace(settings, class_names=names_given or calibration.class_names)
    evaluation = calibration
    if job.evaluate is not None:
        evaluation = open_data(job.evaluate, inputs, settings)
    question = _question(job, loaded, calibration, evaluation, settings.class_names)
    detector = _detector(job, evaluation, question.class_names)
    if detector is not None:
        labels = as_objects(detector.truth)
        question = replace(question, task=Task.DETECTION, labels=labels)
    _check_budget(job, question)
    return JobData(calibration, evaluation, question, detector)


def _detector(job: Job, evaluation: Dataset, names: Sequence[str]) -> Detector | None:
    if job.boxes is None:
        if job.task is Task.DETECTION:
            raise DataError("--task detection: measured by true boxes, give --boxes FILE.jsonl")
        return None
    image, decoder = job.preprocessing, job.decoder
    if not isinstance(decoder, DetectionDecoder) or not isinstance(image, ImageInput):
        raise DataError("--boxes: needs the --decoder of a detector and --preprocess of images")
    if not names:
        raise DataError("--boxes: needs --labels, the names of the classes")
    if job.calibrate is None and job.evaluate is None:
        raise DataError("--boxes: needs images to look at, give --evaluate")
    truth = read_boxes(job.boxes, evaluation.samples, evaluation.files, names)
    return Detector(decoder, image, truth)


def _question(
    job: Job,
    loaded: LoadedModel,
    calibration: Dataset,
    evaluation: Dataset,
    names: Sequence[str],
) -> Question:
    if job.decoder is not None:
        _check_decoder(job, job.decoder, loaded, names)
    known = evaluation.labels if evaluation.labels is not None else calibration.labels
    hint = loaded.task_hint if job.task is None else job.task.value
    hint = hint if job.decoder is None else Task.TENSOR.value
    task = infer_task(loaded.graph, known, hint)
    columns = output_size(loaded.graph)
    question = Question(
        task=task,
        labels=_whole(evaluation.labels, task),
        groups=evaluation.groups,
        class_names=tuple(names)
        if job.decoder is not None
        else _class_names(task, columns, names or evaluation.class_names),
        threshold=job.threshold,
        class_cut=class_cut(loaded.graph),
    )
    check_question(question, columns)
    return question


def _check_decoder(
    job: Job, decoder: ImageDecoder, loaded: LoadedModel, names: Sequence[str]
) -> None:
    """Refuse what the device would refuse, before any work is done."""
    if job.task not in {None, Task.TENSOR, Task.DETECTION}:
        raise DataError(f"--task {job.task}: the decoder says that it is {task_of(decoder)}")
    tensors, image = loaded.graph.tensors, job.preprocessing
    shapes = {name: tensors[name].shape for name in loaded.graph.outputs}
    size_px = (image.width, image.height) if isinstance(image, ImageInput) else None
    try:
        check_decoder(decoder, shapes, len(names), size_px)
    except BundleError as error:
        raise DataError(f"decoder: {error}") from error


def _check_budget(job: Job, question: Question) -> None:
    budget = job.budget
    if budget.is_limited and job.calibrate is None:
        raise DataError("--max-drop and --max-flips search on calibration data, --no-data has none")
    has_metric = question.labels is not None and question.task is not Task.TENSOR
    if budget.max_drop is not None and not has_metric:
        raise DataError("--max-drop needs labels to measure by, the data has none")
    if budget.max_flips is not None and question.task not in {Task.CLASSIFICATION, Task.ANOMALY}:
        raise DataError(
            f"--max-flips counts changed predictions, task {question.task} makes none; "
            "allowed are classification and anomaly"
        )


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
