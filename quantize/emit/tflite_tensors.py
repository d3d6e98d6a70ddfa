"""The tensors and buffers of a TFLite file in the making.

A buffer is stored once however many tensors hold its bytes, aligned to 16 bytes as TFLite's schema
demands it (a microcontroller reads it in place).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.ir.graph import Array, DType, IntGraph, QuantParams, TensorType

_ALIGNMENT_BYTES = 16
_TYPE_CODES = {dtype: getattr(schema.TensorType, dtype.name) for dtype in DType}


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # generated, untyped
    """A buffer that writes its bytes at once and aligned; the generated one does neither."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  # the generated code calls it so
        """Write the buffer and return its offset."""
        content = b"" if self.data is None else bytes(self.data)
        if content:
            builder.StartVector(1, len(content), _ALIGNMENT_BYTES)
            head = builder.head - len(content)
            builder.head = head
            builder.Bytes[head : head + len(content)] = content
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if content:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


class TensorTable:
    """Numbers the tensors and buffers of one file, in the order in which they are asked for."""

    def __init__(self, graph: IntGraph) -> None:
        self._graph = graph
        self._tensor_by_key: dict[object, int] = {}
        self._buffer_by_content: dict[bytes, int] = {b"": 0}  # buffer 0 is the empty one
        self.tensors: list[Any] = []
        self.buffers: list[Any] = [AlignedBuffer()]

    def index(self, name: str) -> int:
        """Return the number of a tensor of the graph."""
        if name not in self._tensor_by_key:
            content = self._graph.constants.get(name)
            tensor = _tensor(name, self._graph.tensors[name])
            tensor.buffer = 0 if content is None else self.buffer(_little_endian(content))
            self._append(name, tensor)
        return self._tensor_by_key[name]

    def parameter(self, values: Iterable[int]) -> int:
        """Return the number of an int32 vector that is no tensor of the graph: a shape, axes."""
        return self.constant(np.array(list(values), np.int32), None)

    def constant(self, values: Array, quant: QuantParams | None) -> int:
        """Return the number of a constant that is no tensor of the graph."""
        content = _little_endian(values)
        key = (values.dtype.name, values.shape, content, quant)
        if key not in self._tensor_by_key:
            kind = TensorType(values.shape, DType(values.dtype.name), quant)
            tensor = _tensor(self._free_name(), kind)
            tensor.buffer = self.buffer(content)
            self._append(key, tensor)
        return self._tensor_by_key[key]

    def matrix(self, values: Array) -> int:
        """Return the number of an int32 matrix that is no tensor of the graph: paddings."""
        return self.constant(values.astype(np.int32), None)

    def buffer(self, content: bytes) -> int:
        """Return the number of the buffer that holds `content`."""
        if content not in self._buffer_by_content:
            self._buffer_by_content[content] = len(self.buffers)
            self.buffers.append(AlignedBuffer(data=content))
        return self._buffer_by_content[content]

    def _append(self, key: object, tensor: Any) -> None:
        self._tensor_by_key[key] = len(self.tensors)
        self.tensors.append(tensor)

    def _free_name(self) -> str:
        name = f"parameter_{len(self.tensors)}"
        while name in self._graph.tensors:
            name += "_"
        return name


def _tensor(name: str, kind: TensorType) -> Any:
    return schema.TensorT(
        name=name,
        shape=np.array(kind.shape, np.int32),
        type=_TYPE_CODES[kind.dtype],
        quantization=None if kind.quant is None else _quantization(kind.quant),
    )


def _quantization(quant: QuantParams) -> Any:
    return schema.QuantizationParametersT(
        scale=np.array(quant.scale, np.float32),
        zeroPoint=np.full(len(quant.scale), quant.zero_point, np.int64),
        quantizedDimension=quant.axis or 0,
    )


def _little_endian(values: Array) -> bytes:
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
