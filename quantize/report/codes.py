"""Between reals and codes, for feeding executors that take the one or the other."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edge_runtime.engines.protocol import dequantize, quantize
from quantize.ir.graph import Array, Graph, QuantParams, TensorType


def to_codes(values: Array, kind: TensorType) -> Array:
    """Return the codes of reals, as the device rounds them; without a scale they are the reals."""
    if kind.quant is None:
        return np.asarray(values, kind.dtype.value)
    dtype = np.dtype(kind.dtype.value).type
    return quantize(values, kind.quant.scale[0], kind.quant.zero_point, dtype)


def to_reals(codes: Array, quant: QuantParams | None) -> npt.NDArray[np.float32]:
    """Return what per-tensor codes mean, exactly as the device reads them; float32 as it is."""
    if quant is None:
        return np.asarray(codes, np.float32)
    return dequantize(codes, quant.scale[0], quant.zero_point)


def quant_params(graph: Graph, name: str) -> QuantParams:
    """Return how the integers of a tensor mean reals; the caller knows that it is quantized."""
    quant = graph.tensors[name].quant
    if quant is None:
        raise AssertionError(f"{name} is not quantized")
    return quant


def codes_by_name(graph: Graph, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the codes of named reals, by the graph's own parameters."""
    return {name: to_codes(value, graph.tensors[name]) for name, value in values.items()}


def reals_by_name(graph: Graph, codes: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
    """Return what named codes mean, by the graph's own parameters."""
    return {name: to_reals(value, graph.tensors[name].quant) for name, value in codes.items()}
