"""Between reals and int8 codes, for feeding executors that take the one or the other."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from quantize.ir.graph import Array, Graph, QuantParams

CODE_MIN, CODE_MAX = -128, 127


def to_codes(values: Array, quant: QuantParams) -> npt.NDArray[np.int8]:
    """Return the codes of per-tensor reals, rounded half to even, as ONNX QuantizeLinear does."""
    scaled = np.rint(values.astype(np.float32) / np.float32(quant.scale[0])) + quant.zero_point
    return np.asarray(np.clip(scaled, CODE_MIN, CODE_MAX), np.int8)


def to_reals(codes: Array, quant: QuantParams) -> npt.NDArray[np.float32]:
    """Return what per-tensor codes mean, as float32."""
    centred = codes.astype(np.float32) - np.float32(quant.zero_point)
    return np.asarray(centred * np.float32(quant.scale[0]), np.float32)


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
