"""Operations, teacher-forced: each on the same inputs in both models, so that nothing adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quantize.calibrate.dataset import Batch
from quantize.compare.sides import Inside
from quantize.executors import join
from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.ir.ops import Operation, input_names
from quantize.report.codes import to_codes
from quantize.report.metrics import sqnr_db
from quantize.report.parity import difference


@dataclass(frozen=True, slots=True)
class OperationDifference:
    """One operation of the second model beside the first's, on the first's values.

    Attributes:
        name: Of the tensor that both make.
        operation: What makes it in the second model.
        max_lsb: In codes of the second model; None where that is float.
        differing_share: Of those codes.
        max_abs: In reals.
        sqnr_db: None where they are equal.
    """

    name: str
    operation: str
    max_lsb: int | None
    differing_share: float | None
    max_abs: float
    sqnr_db: float | None


def compare_operations(
    left: Inside, right: Inside, batches: Sequence[Batch]
) -> tuple[OperationDifference, ...]:
    """Return how each operation that both have differs, in the second model's order.

    Both run on their own runtime, on what stands before the operation in the first model. An
    operation is left out where its inputs have other names there.

    Args:
        left: The model that is taken for right.
        right: The model that is measured.
        batches: Reals by the name of the first model's inputs.
    """
    values = join([{**batch, **left.trace(batch)} for batch in batches])
    makers = {operation.output: operation for operation in left.graph.operations}
    compared = []
    for operation in right.graph.operations:
        mine = makers.get(operation.output)
        if mine is None or not _can_run(right.graph, operation, values):
            continue
        wanted, found = (
            side.alone(operation.output)(_inputs(side.graph, one, values))[operation.output]
            for side, one in ((left, mine), (right, operation))
        )
        if wanted.size == found.size:
            compared.append(_difference(right.graph, operation, wanted.reshape(found.shape), found))
    return tuple(compared)


def _can_run(
    graph: FloatGraph | IntGraph, operation: Operation, values: Mapping[str, Array]
) -> bool:
    """Tell whether all that an operation reads is there, in the shape that it reads."""
    read = [name for name in input_names(operation) if name not in graph.constants]
    return all(
        name in values and values[name].shape[1:] == graph.tensors[name].shape[1:] for name in read
    )


def _inputs(
    graph: FloatGraph | IntGraph, operation: Operation, values: Mapping[str, Array]
) -> dict[str, Array]:
    read = dict.fromkeys(input_names(operation))
    return {name: values[name] for name in read if name not in graph.constants}


def _difference(
    graph: FloatGraph | IntGraph, operation: Operation, wanted: Array, found: Array
) -> OperationDifference:
    kind = graph.tensors[operation.output]
    codes = None
    if kind.quant is not None:
        codes = difference(to_codes(wanted, kind), to_codes(found, kind))
    return OperationDifference(
        name=operation.output,
        operation=type(operation).__name__,
        max_lsb=None if codes is None else codes.max_lsb,
        differing_share=None if codes is None else codes.differing_share,
        max_abs=float(np.max(np.abs(wanted.astype(np.float64) - found))),
        sqnr_db=sqnr_db(wanted, found),
    )
