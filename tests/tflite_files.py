"""TFLite files in the making, for loaders: written tensor by tensor, or changed in one place."""

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
}


class FileBuilder:
    """Puts a file together; methods return tensor numbers."""

    def __init__(self) -> None:
        self.model = schema.ModelT(
            version=3,
            operatorCodes=[],
            buffers=[schema.BufferT()],
            subgraphs=[schema.SubGraphT(tensors=[], operators=[], inputs=[], outputs=[])],
        )
        self.subgraph = self.model.subgraphs[0]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        values: np.ndarray | None = None,
        scale: float | None = None,
        zero_point: int = 0,
    ) -> int:
        buffer = 0
        if values is not None:
            buffer = len(self.model.buffers)
            content = np.frombuffer(values.astype(dtype).tobytes(), np.uint8)
            self.model.buffers.append(schema.BufferT(data=content))
        quantization = None
        if scale is not None:
            quantization = schema.QuantizationParametersT(
                scale=np.array([scale], np.float32), zeroPoint=np.array([zero_point], np.int64)
            )
        tensor = schema.TensorT(name=name, shape=list(shape), type=_TYPES[dtype], buffer=buffer)
        tensor.quantization = quantization
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def constant(self, name: str, values: np.ndarray) -> int:
        return self.tensor(name, values.shape, values.dtype.name, values=values)

    def operator(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None
    ) -> None:
        code = getattr(schema.BuiltinOperator, kind)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(
                builtinCode=code,
                deprecatedBuiltinCode=min(code, 127),
                customCode="Own" if kind == "CUSTOM" else None,
            )
        )
        operator = schema.OperatorT(
            opcodeIndex=len(self.model.operatorCodes) - 1,
            inputs=list(inputs),
            outputs=list(outputs),
        )
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = options
        self.subgraph.operators.append(operator)

    def file(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self.subgraph.inputs, self.subgraph.outputs = list(inputs), list(outputs)
        return packed(self.model)


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def edited(data: bytes, change: Callable[[Any], None]) -> bytes:
    """Return the file after `change` was let loose on its object tree."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model)
    return packed(model)
