"""An IntGraph as an int8 TFLite file, which *is* the serialised graph: loading it gives it back.

The same graph gives the same bytes. What TFLite has no words for (the arithmetic profile, channel
axes of length 1, a convolution without bias) stands in a metadata entry that other runtimes pass
over.
"""

import json
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantize.emit.tflite_builtin import Builtin
from quantize.emit.tflite_operators import builtin, needs_bias
from quantize.emit.tflite_tensors import TensorTable
from quantize.ir.graph import IntGraph

METADATA_NAME = "edge_runtime.int_graph"  # quantize/load/tflite_model.py reads it
_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_LAST_CODE_OF_OLD_FIELD = 127  # deprecated_builtin_code is a byte
_OPTION_TYPES = {
    f"{name}T": number
    for name, number in vars(schema.BuiltinOptions).items()
    if name.endswith("Options")
}


def emit_tflite(graph: IntGraph) -> bytes:
    """Return the bytes of a TFLite file with int8 inputs and outputs."""
    table = TensorTable(graph)
    inputs = [table.index(name) for name in graph.inputs]
    builtins = [builtin(operation, graph, table) for operation in graph.operations]
    codes = sorted({(entry.code, entry.version) for entry in builtins})
    operators = [
        _operator(entry, codes.index((entry.code, entry.version)), table.index(operation.output))
        for entry, operation in zip(builtins, graph.operations, strict=True)
    ]
    outputs = [table.index(name) for name in graph.outputs]
    subgraph = schema.SubGraphT(
        name=graph.name, tensors=table.tensors, inputs=inputs, outputs=outputs, operators=operators
    )
    return _packed(
        schema.ModelT(
            version=_SCHEMA_VERSION,
            description="edge-runtime",
            operatorCodes=[_operator_code(*code) for code in codes],
            subgraphs=[subgraph],
            metadata=_metadata(graph, table),
            signatureDefs=[_signature(graph, table)],
            buffers=table.buffers,
        )
    )


def _operator(entry: Builtin, code_index: int, output: int) -> Any:
    operator = schema.OperatorT(
        opcodeIndex=code_index,
        inputs=np.array(entry.inputs, np.int32),
        outputs=np.array([output], np.int32),
    )
    if entry.options is not None:
        operator.builtinOptionsType = _OPTION_TYPES[type(entry.options).__name__]
        operator.builtinOptions = entry.options
    return operator


def _operator_code(code: int, version: int) -> Any:
    return schema.OperatorCodeT(
        builtinCode=code,
        deprecatedBuiltinCode=min(code, _LAST_CODE_OF_OLD_FIELD),
        version=version,
    )


def _metadata(graph: IntGraph, table: TensorTable) -> list[Any]:
    single = sorted(
        name
        for name, tensor in graph.tensors.items()
        if tensor.quant and tensor.quant.axis is not None and len(tensor.quant.scale) == 1
    )
    bare = sorted(
        operation.output for operation in graph.operations if needs_bias(operation, graph)
    )
    facts: dict[str, object] = {"profile": graph.profile.value}
    facts |= {"per_channel": single} if single else {}
    facts |= {"without_bias": bare} if bare else {}
    content = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    return [schema.MetadataT(name=METADATA_NAME, buffer=table.buffer(content))]


def _signature(graph: IntGraph, table: TensorTable) -> Any:
    return schema.SignatureDefT(
        signatureKey="serving_default",
        subgraphIndex=0,
        inputs=[schema.TensorMapT(name, table.index(name)) for name in graph.inputs],
        outputs=[schema.TensorMapT(name, table.index(name)) for name in graph.outputs],
    )


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # untyped
    """A builder that writes equal vectors and names once: shapes, scales, zero points.

    Readers follow offsets, so they cannot tell; it saves up to a fifth of a file.
    """

    def __init__(self) -> None:
        super().__init__(1024)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, values: Any) -> int:  # noqa: N802  # generated code calls it so
        """Return the offset of a vector with these values."""
        key = (values.dtype.str, values.tobytes())
        if key not in self._vectors:
            self._vectors[key] = super().CreateNumpyVector(values)
        return self._vectors[key]

    def CreateString(self, text: Any, *settings: Any) -> int:  # noqa: N802  # as above
        """Return the offset of a string with this text."""
        key = ("text", text if isinstance(text, bytes) else text.encode())
        if key not in self._vectors:
            self._vectors[key] = super().CreateString(text, *settings)
        return self._vectors[key]


def _packed(model: Any) -> bytes:
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), _FILE_IDENTIFIER)
    return bytes(builder.Output())
