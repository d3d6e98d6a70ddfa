"""Self-test vectors: a few inputs, and what each executor of the device must answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from edge_runtime.manifest import answer_keys
from quantize.ir.graph import Array, IntGraph
from quantize.ir.interpreter import execute
from quantize.report.codes import codes_by_name
from quantize.report.parity import Executor

Codes: TypeAlias = Mapping[str, Array]

SAMPLES = 8
SLACK_LSB = 2  # for kernels of other processors, which have not been measured here


@dataclass(frozen=True, slots=True, eq=False)
class SelfTestVectors:
    """Known inputs and their answers.

    Attributes:
        arrays: `inputs` (K, ...) float32, and (K, ...) int8 codes of every output by executor.
        max_lsb: By executor: the greatest difference that a device may show.
    """

    arrays: Mapping[str, Array]
    max_lsb: Mapping[str, int]


def make_vectors(
    graph: IntGraph, candidates: Mapping[str, Array], executors: Mapping[str, Executor]
) -> SelfTestVectors:
    """Return vectors of those candidates on which all executors agree best.

    Kernels of another processor may be off by one code an operation, and a softmax near a tie
    magnifies that; the tolerance is the greatest difference that any two executors showed on the
    chosen samples, and SLACK_LSB more. A wrong kernel or a changed file is off by far more.

    Args:
        graph: The integers.
        candidates: Reals (N, ...) by input name.
        executors: By the names that the device knows them by.
    """
    codes = codes_by_name(graph, candidates)
    answers = {name: executor(graph)(codes) for name, executor in executors.items()}
    spread = _spread_of_all(graph, codes, [*answers.values()])
    chosen = np.sort(np.argsort(spread, kind="stable")[:SAMPLES])
    tolerance = int(spread[chosen].max()) + SLACK_LSB
    first = candidates[graph.inputs[0]][chosen]
    return SelfTestVectors(
        arrays={
            "inputs": first,
            **{
                key: values[output][chosen]
                for name, values in answers.items()
                for key, output in zip(
                    answer_keys(name, len(graph.outputs)), graph.outputs, strict=True
                )
            },
        },
        max_lsb=dict.fromkeys(answers, tolerance),
    )


def _spread_of_all(graph: IntGraph, codes: Codes, answers: list[Codes]) -> Array:
    """Return per sample the greatest difference of any two answers in any output, (N,)."""
    everyone = [_interpreted(graph, codes), *answers]
    spreads = [_spread([answer[name] for answer in everyone]) for name in graph.outputs]
    return np.asarray(np.stack(spreads).max(0))


def _interpreted(graph: IntGraph, codes: Codes) -> Codes:
    """Return every output of the interpreter; one sample at a time, for memory's sake."""
    count = len(codes[graph.inputs[0]])
    parts = [
        execute(graph, {name: values[at : at + 1] for name, values in codes.items()})
        for at in range(count)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in graph.outputs}


def _spread(answers: list[Array]) -> Array:
    """Return per sample the greatest difference of any two answers, (N,)."""
    stacked = np.stack([answer.reshape(len(answer), -1) for answer in answers]).astype(np.int64)
    return np.asarray((stacked.max(0) - stacked.min(0)).max(1))
