"""All passes, in the order in which they run."""

from collections.abc import Callable
from typing import TypeAlias

from quantize.ir.graph import FloatGraph
from quantize.passes.cancel_transposes import cancel_transposes
from quantize.passes.drop_dead import drop_dead
from quantize.passes.explicit_padding import explicit_padding
from quantize.passes.fold_constants_arithmetic import fold_constants_arithmetic
from quantize.passes.fuse_activations import fuse_activations
from quantize.passes.fuse_hard_swish import fuse_hard_swish
from quantize.passes.fuse_pad import fuse_pad
from quantize.passes.join_class_scores import join_class_scores
from quantize.passes.merge_linear import merge_linear
from quantize.passes.merge_reshapes import merge_reshapes
from quantize.passes.scale_as_depthwise import scale_as_depthwise
from quantize.passes.subtract_as_add import subtract_as_add

Pass: TypeAlias = Callable[[FloatGraph], FloatGraph]

PASSES: tuple[Pass, ...] = (
    drop_dead,
    cancel_transposes,
    merge_reshapes,
    subtract_as_add,  # before the folds, which know sums
    fuse_hard_swish,  # before the folds: they would take its parts away
    fuse_pad,
    fold_constants_arithmetic,
    merge_linear,  # after the folds: nothing but a clamp is left between layers
    join_class_scores,  # after the folds: the layer has its bias
    scale_as_depthwise,  # after the folds: only what no layer could take in
    explicit_padding,  # after fuse_pad: it says again what fusing made unsayable
    fuse_activations,  # after the folds: a clamp between stops a fold
)

MAX_ROUNDS = 8  # two are the rule: one that changes, one that finds nothing more


def simplify(graph: FloatGraph) -> FloatGraph:
    """Return the graph in the form that lowering takes, with the same float result."""
    for _ in range(MAX_ROUNDS):
        before = graph.operations
        for run in PASSES:
            graph = run(graph)
        if graph.operations == before:
            break
    return graph
