"""Compare: any two models on the same samples, end to end, layer by layer, operation by operation.

A model is float or int8, ONNX or TFLite, or the C that was exported, built for this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantize.calibrate.dataset import Batch, Dataset
from quantize.calibrate.open_data import DataSettings, open_data
from quantize.compare.changes import ChangedPrediction, changed_predictions
from quantize.compare.operations import OperationDifference, compare_operations
from quantize.compare.sides import Side, open_side
from quantize.errors import ModelError
from quantize.executors import Kernels
from quantize.ir.graph import Array, TensorType
from quantize.measure import Watch
from quantize.report.codes import to_codes
from quantize.report.layers import LayerError, Values, compare_layers
from quantize.report.metrics import sqnr_db
from quantize.report.parity import difference
from quantize.report.task import Task, class_cut, infer_task

BATCH_SIZE = 16
TRACED_SAMPLES = 16
TRACE_BATCH_SIZE = 4


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """How the second model's tensor differs from the first's.

    Attributes:
        max_lsb: Where both give codes of the same scale; else None.
        differing_share: Of those codes.
        max_abs: In reals.
        sqnr_db: None where they are equal.
    """

    max_lsb: int | None
    differing_share: float | None
    max_abs: float
    sqnr_db: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models differ.

    Attributes:
        samples: How many were run.
        output: End to end, of the first output.
        logits: End to end, of what a last softmax or logistic flattened; None where a model does
            not show it.
        changed_predictions: Samples whose greatest output is another; None without classes.
        changes: The first of them.
        layers: End to end, of the inner tensors that both have by name.
        operations: Of these, each on equal inputs (teacher-forced).
    """

    samples: int
    output: OutputDifference
    logits: OutputDifference | None
    changed_predictions: int | None
    changes: tuple[ChangedPrediction, ...]
    layers: tuple[LayerError, ...]
    operations: tuple[OperationDifference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What both models said to all samples, (N, ...) each, and the first samples themselves."""

    outputs: tuple[Array, Array]
    logits: tuple[Array, Array] | None
    kept: list[Batch]


def compare_models(
    models: tuple[Path, Path],
    data: Path,
    settings: DataSettings,
    watch: Watch,
    *,
    kernels: Kernels = Kernels.DEFAULT,
) -> Comparison:
    """Return how the second model differs from the first.

    Args:
        models: Two files, or directories of exported C.
        data: Samples, as the first model takes them.
        settings: How they become its input.
        watch: Is told of progress.
        kernels: Which of LiteRT's run int8 TFLite files.

    Raises:
        ModelError: A model cannot be read or built, or they do not take and give the same shapes.
        DataError: The data is not what the first model takes.
    """
    watch("load", 0, 0)
    left, right = (open_side(model, kernels) for model in models)
    _check_alike(left, right)
    dataset = open_data(data, left.inputs, settings)
    answers = _answers(left, right, dataset, watch)
    watch("operations", 0, 0)
    changes = None
    if _has_classes(left, right, dataset):
        changes = changed_predictions(*answers.outputs, _cut(left, right), settings.class_names)
    return Comparison(
        samples=len(answers.outputs[0]),
        output=_difference(answers.outputs, left.kind, right.kind),
        logits=_logits(left, right, answers.logits),
        changed_predictions=None if changes is None else changes.count,
        changes=() if changes is None else changes.examples,
        layers=_layers(left, right, answers.kept),
        operations=_operations(left, right, answers.kept),
    )


def _answers(left: Side, right: Side, dataset: Dataset, watch: Watch) -> _Answers:
    outputs: tuple[list[Array], list[Array]] = ([], [])
    logits: tuple[list[Array], list[Array]] = ([], [])
    kept: list[Batch] = []
    done = 0
    for batch in dataset.read(BATCH_SIZE):
        said = left.run(batch), right.run(_renamed(batch, right))
        for index, side in enumerate((left, right)):
            outputs[index].append(said[index][side.output])
            if side.logits is not None:
                logits[index].append(said[index][side.logits])
        if done < TRACED_SAMPLES:
            kept.append({name: values[: TRACED_SAMPLES - done] for name, values in batch.items()})
        done += len(outputs[0][-1])
        watch("compare", done, dataset.samples)
    both = _whole(logits) if left.logits is not None and right.logits is not None else None
    return _Answers(_whole(outputs), both, kept)


def _whole(parts: tuple[list[Array], list[Array]]) -> tuple[Array, Array]:
    wanted, found = (np.concatenate(part) for part in parts)
    return wanted, found.reshape(wanted.shape) if found.size == wanted.size else found


def _logits(
    left: Side, right: Side, answers: tuple[Array, Array] | None
) -> OutputDifference | None:
    if answers is None or answers[0].shape != answers[1].shape:
        return None
    return _difference(answers, _logits_kind(left), _logits_kind(right))


def _logits_kind(side: Side) -> TensorType | None:
    if side.inside is None or side.logits is None:
        return None
    return side.inside.graph.tensors[side.logits]


def _difference(
    answers: tuple[Array, Array], left: TensorType | None, right: TensorType | None
) -> OutputDifference:
    wanted, found = answers
    codes = None
    if left is not None and left.quant is not None and left == right:
        codes = difference(to_codes(wanted, left), to_codes(found, left))
    return OutputDifference(
        max_lsb=None if codes is None else codes.max_lsb,
        differing_share=None if codes is None else codes.differing_share,
        max_abs=float(np.max(np.abs(wanted.astype(np.float64) - found))),
        sqnr_db=sqnr_db(wanted, found),
    )


def _has_classes(left: Side, right: Side, dataset: Dataset) -> bool:
    inside = left.inside or right.inside
    if inside is not None:
        hint = left.task_hint if left.inside else right.task_hint
        return infer_task(inside.graph, dataset.labels, hint) is Task.CLASSIFICATION
    labels = dataset.labels
    return labels is not None and labels.ndim == 1 and labels.dtype.kind == "i"


def _cut(left: Side, right: Side) -> float:
    inside = left.inside or right.inside
    return 0.5 if inside is None else class_cut(inside.graph)


def _parts(kept: list[Batch]) -> list[dict[str, Array]]:
    return [
        {name: values[start : start + TRACE_BATCH_SIZE] for name, values in batch.items()}
        for batch in kept
        for start in range(0, len(next(iter(batch.values()))), TRACE_BATCH_SIZE)
    ]


def _layers(left: Side, right: Side, kept: list[Batch]) -> tuple[LayerError, ...]:
    before, after = left.inside, right.inside
    if before is None or after is None:
        return ()

    def trace_right(batch: Values) -> Values:
        return after.trace(_renamed(batch, right))

    return compare_layers(_parts(kept), before.trace, trace_right, after.graph)


def _operations(left: Side, right: Side, kept: list[Batch]) -> tuple[OperationDifference, ...]:
    if left.inside is None or right.inside is None:
        return ()
    return compare_operations(left.inside, right.inside, _parts(kept))


def _check_alike(left: Side, right: Side) -> None:
    shapes = [
        [*(one.shape[1:] for one in side.inputs), side.kind.shape[1:]] for side in (left, right)
    ]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"{right.name}: inputs and output of shapes {shapes[1]}, {left.name} has {shapes[0]}"
        )


def _renamed(batch: Mapping[str, Array], side: Side) -> dict[str, Array]:
    """Return the batch under the names of a side's inputs, by position."""
    names = [one.name for one in side.inputs]
    return dict(zip(names, batch.values(), strict=True))
