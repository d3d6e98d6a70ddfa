"""Between reals and int8 codes, for feeding executors that take the one or the other."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edge_runtime.engines.protocol import dequantize, quantize
from quantize.ir.graph import Array, Graph, QuantParams


def to_codes(values: Array, quant: QuantParams) -> npt.NDArray[np.int8]:
    """Return the codes of per-tensor reals, exactly as the device rounds them."""
    return np.asarray(quantize(values, quant.scale[0], quant.zero_point, np.int8), np.int8)


def to_reals(codes: Array, quant: QuantParams) -> npt.NDArray[np.float32]:
    """Return what per-tensor codes mean, as float32, exactly as the device reads them."""
    return dequantize(codes, quant.scale[0], quant.zero_point)


def quant_params(graph: Graph, name: str) -> QuantParams:
    """Return how the integers of a tensor mean reals; the caller knows that it is quantized."""
    quant = graph.tensors[name].quant
    if quant is None:
        raise AssertionError(f"{name} is not quantized")
    return quant


def codes_by_name(graph: Graph, values: Mapping[str, Array]) -> dict[str, npt.NDArray[np.int8]]:
    """Return the codes of named reals, by the graph's own parameters."""
    return {name: to_codes(value, quant_params(graph, name)) for name, value in values.items()}


def reals_by_name(graph: Graph, codes: Mapping[str, Array]) -> dict[str, npt.NDArray[np.float32]]:
    """Return what named codes mean, by the graph's own parameters."""
    return {name: to_reals(value, quant_params(graph, name)) for name, value in codes.items()}
