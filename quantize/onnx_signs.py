"""Signed or unsigned codes of activations in a QDQ file: the same numbers, 128 apart.

Our graphs hold int8. ONNX Runtime on x86 multiplies uint8 activations with int8 weights: it turns
int8 activations into uint8 when it loads a file, but not where a QuantizeLinear has two readers,
and what is in between stays in float. So our files hold uint8 from the start, and are read back.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from quantize.ir.graph import Array

HALF = 128
# Where an operation has its weights; they stay int8 in any file.
_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def make_unsigned(graph: onnx.GraphProto) -> None:
    """Turn the int8 codes of activations, and of constants among them, into uint8, in place."""
    _Signs(graph, np.dtype(np.int8), np.dtype(np.uint8)).turn()


def make_signed(graph: onnx.GraphProto) -> None:
    """Turn the uint8 codes of activations back into int8, in place."""
    _Signs(graph, np.dtype(np.uint8), np.dtype(np.int8)).turn()


class _Signs:
    """A graph whose scalar zero points of one type become those of the other."""

    def __init__(
        self, graph: onnx.GraphProto, old: np.dtype[np.integer], new: np.dtype[np.integer]
    ) -> None:
        self._graph, self._old, self._new = graph, old, new
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._turned: dict[str, str] = {}

    def turn(self) -> None:
        weights = set(self._weights())
        for node in self._graph.node:
            is_weight = node.op_type == "DequantizeLinear" and node.input[0] in weights
            if node.op_type not in {"QuantizeLinear", "DequantizeLinear"} or is_weight:
                continue
            if len(node.input) == 3 and self._is_old_scalar(node.input[2]):
                node.input[2] = self._of_other_sign(node.input[2])
                self._turn_constant(node.input[0])
        self._drop_unread()

    def _weights(self) -> Iterator[str]:
        """Yield the constants that an operation reads as its weights, before DequantizeLinear."""
        read = {
            name
            for node in self._graph.node
            if node.op_type in _WEIGHTED
            for name in node.input[1:]
        }
        for node in self._graph.node:
            if node.op_type == "DequantizeLinear" and node.output[0] in read:
                yield from (name for name in node.input[:1] if name in self._constants)

    def _is_old_scalar(self, name: str) -> bool:
        tensor = self._constants.get(name)
        return tensor is not None and not tensor.dims and self._has_old_type(tensor)

    def _has_old_type(self, tensor: TensorProto) -> bool:
        return tensor.data_type == onnx.helper.np_dtype_to_tensor_dtype(self._old)

    def _of_other_sign(self, name: str) -> str:
        if name not in self._turned:
            made = f"{name}{self._new.kind}"
            tensor = self._shifted(numpy_helper.to_array(self._constants[name]), made)
            self._graph.initializer.append(tensor)
            self._turned[name] = made
        return self._turned[name]

    def _turn_constant(self, name: str) -> None:
        tensor = self._constants.get(name)
        if tensor is not None and self._has_old_type(tensor):
            tensor.CopyFrom(self._shifted(numpy_helper.to_array(tensor), name))

    def _shifted(self, codes: Array, name: str) -> TensorProto:
        step = HALF if self._new == np.uint8 else -HALF
        shifted = np.asarray(codes.astype(np.int16) + step).astype(self._new)
        return numpy_helper.from_array(shifted, name)

    def _drop_unread(self) -> None:
        read = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in read]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
