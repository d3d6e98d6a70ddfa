"""Lower: a float graph and the params of its activations become an integer graph."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from quantize.errors import GraphError
from quantize.ir.graph import Array, DType, FloatGraph, Graph, IntGraph, QuantParams, TensorType
from quantize.ir.ops import (
    Add,
    FullyConnected,
    HardSwish,
    Mul,
    Operation,
    Prelu,
    Quantize,
    Sub,
    input_names,
    rename_tensors,
)
from quantize.ir.spec import check_integer
from quantize.params import (
    CODE_MAX,
    CODE_MIN,
    SAME_SCALE_OPERATIONS,
    hard_swish_params,
    range_params,
)
from quantize.recipe import Recipe
from quantize.weights import Weighted, check_accumulators, integer_weights

_DEFAULT_RECIPE = Recipe()


def lower(
    graph: FloatGraph, params: Mapping[str, QuantParams], recipe: Recipe = _DEFAULT_RECIPE
) -> IntGraph:
    """Return the integer graph: rounded weights, int32 biases, every scale written down.

    A Quantize is put in where an operation that keeps its scale reads another one. Every weighted
    operation has a bias afterwards. No accumulator can overflow.

    Args:
        graph: What to lower.
        params: Of every activation by name (graph inputs and outputs of operations), int8.
        recipe: Its profile and granularity.

    Raises:
        GraphError: An activation has no params, or the graph cannot be said in integers.
    """
    lowering = _Lowering(graph, params, recipe)
    for operation in graph.operations:
        lowering.lower(operation)
    lowered = Graph(
        graph.name,
        graph.inputs,
        graph.outputs,
        lowering.tensors,
        lowering.constants,
        tuple(lowering.operations),
    )
    return check_accumulators(check_integer(lowered, recipe.profile))


class _Lowering:
    """Puts the integer graph together, an operation at a time."""

    def __init__(
        self, graph: FloatGraph, params: Mapping[str, QuantParams], recipe: Recipe
    ) -> None:
        self._graph, self._params, self._recipe = graph, params, recipe
        self.tensors: dict[str, TensorType] = {}
        self.constants: dict[str, Array] = {}
        self.operations: list[Operation] = []
        self._requantized: dict[tuple[str, QuantParams], str] = {}
        for name in graph.inputs:
            self._declare(name)

    def lower(self, operation: Operation) -> None:
        self._declare(operation.output)
        if isinstance(operation, Weighted):
            operation = self._weighted(operation)
        elif isinstance(operation, Add | Sub | Mul | Prelu):
            operation = self._operands(operation)
        elif isinstance(operation, HardSwish):
            self._hard_swish(operation)
            return
        elif isinstance(operation, SAME_SCALE_OPERATIONS):
            operation = self._same_scale(operation)
        self.operations.append(operation)

    def _declare(self, name: str) -> None:
        shape = self._graph.tensors[name].shape
        self.tensors[name] = TensorType(shape, DType.INT8, self._params_of(name))

    def _params_of(self, name: str) -> QuantParams:
        if name not in self._params:
            raise GraphError(f"{name}: no scale was chosen for it")
        return self._params[name]

    def _weighted(self, operation: Weighted) -> Operation:
        if operation.input in self._graph.constants:
            raise GraphError(f"{operation.output}: reads the constant {operation.input} as image")
        weight = self._graph.constants[operation.weight]
        bias = self._bias(operation)
        is_dense = isinstance(operation, FullyConnected)
        integers = integer_weights(
            operation,
            (weight, bias),
            (self._params_of(operation.input), self._params_of(operation.output)),
            per_channel=not is_dense or self._recipe.fully_connected_per_channel,
        )
        bias_name = operation.bias or f"{operation.output}/bias"
        return replace(
            operation,
            weight=self._store(operation.weight, integers.weight, integers.weight_params),
            bias=self._store(bias_name, integers.bias, integers.bias_params),
        )

    def _bias(self, operation: Weighted) -> Array:
        if operation.bias is not None:
            return self._graph.constants[operation.bias]
        (channels,) = self._graph.tensors[operation.output].shape[-1:]
        return np.zeros(channels, np.float32)

    def _operands(self, operation: Add | Sub | Mul | Prelu) -> Operation:
        names = {}
        for name in input_names(operation):
            if name in self._graph.constants:
                values = self._graph.constants[name]
                quant = range_params(float(values.min()), float(values.max()))
                names[name] = self._store(name, quantize_array(values, quant), quant)
        return rename_tensors(operation, names)

    def _same_scale(self, operation: Operation) -> Operation:
        quant = self._params_of(operation.output)
        names = input_names(operation)
        return rename_tensors(operation, {name: self._rescaled(name, quant) for name in names})

    def _hard_swish(self, operation: HardSwish) -> None:
        """Append it, between two Quantize where its 16 bits cannot say the scales."""
        wanted = self._params_of(operation.output)
        read, made = hard_swish_params(self._params_of(operation.input), wanted)
        name = self._rescaled(operation.input, read)
        if made == wanted:
            self.operations.append(HardSwish(name, operation.output))
            return
        wide = self._free(f"{operation.output}/wide")
        shape = self._graph.tensors[operation.output].shape
        self.tensors[wide] = TensorType(shape, DType.INT8, made)
        self.operations += [HardSwish(name, wide), Quantize(wide, operation.output)]

    def _rescaled(self, name: str, quant: QuantParams) -> str:
        """Return the name of a tensor that holds `name` in the scale of `quant`."""
        if name in self._graph.constants:
            return self._store(name, quantize_array(self._graph.constants[name], quant), quant)
        if self._params_of(name) == quant:
            return name
        if (name, quant) not in self._requantized:
            made = self._free(f"{name}/requantized")
            self.tensors[made] = TensorType(self._graph.tensors[name].shape, DType.INT8, quant)
            self.operations.append(Quantize(name, made))
            self._requantized[name, quant] = made
        return self._requantized[name, quant]

    def _store(self, name: str, values: Array, quant: QuantParams) -> str:
        """Keep a constant, under another name where its own is taken by other values."""
        tensor = TensorType(values.shape, DType(values.dtype.name), quant)
        if self.tensors.get(name) == tensor and np.array_equal(self.constants[name], values):
            return name
        name = self._free(name)
        self.tensors[name], self.constants[name] = tensor, values
        return name

    def _free(self, name: str) -> str:
        taken = {*self.tensors, *(set(self._graph.tensors) - set(self._graph.constants))}
        candidates = (name, *(f"{name}_{number}" for number in range(1, len(taken) + 2)))
        return next(candidate for candidate in candidates if candidate not in taken)


def quantize_array(values: Array, quant: QuantParams) -> Array:
    """Return the int8 codes of real values, rounded half to even, in a per-tensor scale."""
    codes = np.rint(values.astype(np.float64) / quant.scale[0]) + quant.zero_point
    clipped: Array = np.clip(codes, CODE_MIN, CODE_MAX).astype(np.int8)
    return clipped
