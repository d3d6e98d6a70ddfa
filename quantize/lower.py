"""Lower: a float graph and the params of its activations become an integer graph."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from quantize.errors import GraphError
from quantize.ir.graph import Array, DType, FloatGraph, Graph, IntGraph, QuantParams, TensorType
from quantize.ir.integer_params import code_limits
from quantize.ir.ops import (
    Add,
    Dequantize,
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
from quantize.layer_types import layer_types
from quantize.params import (
    SAME_SCALE_OPERATIONS,
    hard_swish_params,
    range_params,
    wide_range_params,
)
from quantize.recipe import Recipe
from quantize.weights import Weighted, check_accumulators, integer_weights

_DEFAULT_RECIPE = Recipe()


def lower(
    graph: FloatGraph,
    params: Mapping[str, QuantParams],
    recipe: Recipe = _DEFAULT_RECIPE,
    wide: Mapping[str, QuantParams] | None = None,
) -> IntGraph:
    """Return the integer graph: rounded weights, biases, every scale written down.

    A Quantize or Dequantize is put in where an operation reads another type, or keeps its scale and
    reads another one. Every weighted operation has a bias afterwards. No accumulator can overflow.
    The graph's inputs and outputs are int8 whatever the recipe chose.

    Args:
        graph: What to lower.
        params: Of every activation by name (graph inputs and outputs of operations), int8.
        recipe: Its profile, granularity and layers in other types.
        wide: Likewise, int16; needed where the recipe has layers in int16.

    Raises:
        GraphError: An activation has no params, or the graph cannot be said in integers.
        RecipeError: A chosen layer is not there, or has no such form.
    """
    lowering = _Lowering(graph, params, wide or {}, recipe)
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


_Form: TypeAlias = tuple[DType, QuantParams | None]  # a type, and how it means reals


class _Lowering:
    """Puts the integer graph together, an operation at a time."""

    def __init__(
        self,
        graph: FloatGraph,
        params: Mapping[str, QuantParams],
        wide: Mapping[str, QuantParams],
        recipe: Recipe,
    ) -> None:
        self._graph, self._recipe = graph, recipe
        self._params = {DType.INT8: params, DType.INT16: wide}
        self._types = layer_types(graph, recipe)
        self.tensors: dict[str, TensorType] = {}
        self.constants: dict[str, Array] = {}
        self.operations: list[Operation] = []
        self._made: dict[str, str] = {}
        self._forms: dict[tuple[str, _Form], str] = {}
        for name in graph.inputs:
            self._declare(name, name, DType.INT8)

    def lower(self, operation: Operation) -> None:
        """Append an operation in its type; an output of the graph is int8 behind it."""
        name, kind = operation.output, self._types[operation.output]
        is_border = name in self._graph.outputs and kind is not DType.INT8
        made = self._free(f"{name}/{kind}") if is_border else name
        self._declare(name, made, kind)
        if kind is DType.FLOAT32:
            self._append(self._float(operation), made)
        else:
            self._append_integer(operation, made)
        if is_border:
            self._declare(name, name, DType.INT8)
            self.operations.append(Quantize(made, name))
            self._made[name] = made

    def _append(self, operation: Operation, made: str) -> None:
        self.operations.append(replace(operation, output=made))

    def _append_integer(self, operation: Operation, made: str) -> None:
        if isinstance(operation, Weighted):
            self._append(self._weighted(operation), made)
        elif isinstance(operation, Add | Sub | Mul | Prelu):
            self._append(self._operands(operation), made)
        elif isinstance(operation, HardSwish):
            self._hard_swish(operation)
        elif isinstance(operation, SAME_SCALE_OPERATIONS):
            self._append(self._same_scale(operation), made)
        else:
            self._append(self._read_as_made(operation), made)

    def _declare(self, name: str, made: str, kind: DType) -> None:
        """Say which tensor holds an activation of the float graph, in the type it is made in."""
        shape = self._graph.tensors[name].shape
        self.tensors[made] = TensorType(shape, kind, self._params_of(name, kind))
        self._made[name] = made

    def _params_of(self, name: str, kind: DType = DType.INT8) -> QuantParams | None:
        if kind is DType.FLOAT32:
            return None
        if name not in self._params[kind]:
            raise GraphError(f"{name}: no scale was chosen for it")
        return self._params[kind][name]

    def _scale_of(self, name: str, kind: DType) -> QuantParams:
        quant = self._params_of(name, kind)
        assert quant is not None, name  # of an integer type
        return quant

    def _float(self, operation: Operation) -> Operation:
        """Return the operation on what it reads as float32, constants as they are."""
        names = {}
        for name in input_names(operation):
            if name in self._graph.constants:
                names[name] = self._store(name, self._graph.constants[name], None)
            else:
                names[name] = self._form(name, (DType.FLOAT32, None))
        if isinstance(operation, Weighted) and operation.bias is None:
            bias = self._store(f"{operation.output}/bias", self._bias(operation), None)
            operation = replace(operation, bias=bias)
        return rename_tensors(operation, names)

    def _read_as_made(self, operation: Operation) -> Operation:
        """Return the operation on its activations in the type that it computes in."""
        kind = self._types[operation.output]
        activations = [n for n in input_names(operation) if n not in self._graph.constants]
        return rename_tensors(operation, {name: self._in_own(name, kind) for name in activations})

    def _in_own(self, name: str, kind: DType) -> str:
        return self._form(name, (kind, self._params_of(name, kind)))

    def _weighted(self, operation: Weighted) -> Operation:
        if operation.input in self._graph.constants:
            raise GraphError(f"{operation.output}: reads the constant {operation.input} as image")
        kind = self._types[operation.output]
        is_dense = isinstance(operation, FullyConnected)
        integers = integer_weights(
            operation,
            (self._graph.constants[operation.weight], self._bias(operation)),
            (self._scale_of(operation.input, kind), self._scale_of(operation.output, kind)),
            kind,
            per_channel=self._recipe.per_channel
            and (not is_dense or self._recipe.fully_connected_per_channel),
        )
        bias_name = operation.bias or f"{operation.output}/bias"
        return replace(
            operation,
            input=self._in_own(operation.input, kind),
            weight=self._store(operation.weight, integers.weight, integers.weight_params),
            bias=self._store(bias_name, integers.bias, integers.bias_params),
        )

    def _bias(self, operation: Weighted) -> Array:
        if operation.bias is not None:
            return self._graph.constants[operation.bias]
        (channels,) = self._graph.tensors[operation.output].shape[-1:]
        return np.zeros(channels, np.float32)

    def _operands(self, operation: Add | Sub | Mul | Prelu) -> Operation:
        names, kind = {}, self._types[operation.output]
        span = wide_range_params if kind is DType.INT16 else range_params
        for name in input_names(operation):
            if name in self._graph.constants:
                values = self._graph.constants[name]
                quant = span(float(values.min()), float(values.max()))
                names[name] = self._store(name, quantize_array(values, quant, kind), quant)
            else:
                names[name] = self._in_own(name, kind)
        return rename_tensors(operation, names)

    def _same_scale(self, operation: Operation) -> Operation:
        kind = self._types[operation.output]
        quant = self._scale_of(operation.output, kind)
        names = input_names(operation)
        return rename_tensors(
            operation, {name: self._rescaled(name, kind, quant) for name in names}
        )

    def _hard_swish(self, operation: HardSwish) -> None:
        """Append it, between two Quantize where its 16 bits cannot say the scales."""
        wanted = self._scale_of(operation.output, DType.INT8)
        source = self._scale_of(operation.input, DType.INT8)
        read, made = hard_swish_params(source, wanted)
        name = self._rescaled(operation.input, DType.INT8, read)
        if made == wanted:
            self.operations.append(HardSwish(name, operation.output))
            return
        wide = self._free(f"{operation.output}/wide")
        shape = self._graph.tensors[operation.output].shape
        self.tensors[wide] = TensorType(shape, DType.INT8, made)
        self.operations += [HardSwish(name, wide), Quantize(wide, operation.output)]

    def _rescaled(self, name: str, kind: DType, quant: QuantParams) -> str:
        """Return the name of a tensor that holds `name`, which may be constant, in this scale."""
        if name in self._graph.constants:
            values = quantize_array(self._graph.constants[name], quant, kind)
            return self._store(name, values, quant)
        return self._form(name, (kind, quant))

    def _form(self, name: str, form: _Form) -> str:
        """Return the name of a tensor that holds an activation in this type and scale."""
        source = self._made[name]
        for held in (source, name):
            kind = self.tensors.get(held)
            if kind is not None and (kind.dtype, kind.quant) == form:
                return held
        if (name, form) not in self._forms:
            suffix = "requantized" if form[0] is self.tensors[source].dtype else form[0].value
            made = self._free(f"{name}/{suffix}")
            self.tensors[made] = TensorType(self._graph.tensors[name].shape, *form)
            convert = Dequantize if form[0] is DType.FLOAT32 else Quantize
            self.operations.append(convert(source, made))
            self._forms[name, form] = made
        return self._forms[name, form]

    def _store(self, name: str, values: Array, quant: QuantParams | None) -> str:
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


def quantize_array(values: Array, quant: QuantParams, kind: DType = DType.INT8) -> Array:
    """Return the codes of real values, rounded half to even, in a per-tensor scale."""
    codes = np.rint(values.astype(np.float64) / quant.scale[0]) + quant.zero_point
    clipped: Array = np.clip(codes, *code_limits(kind)).astype(kind.value)
    return clipped
