"""Model data: the TFLite file as a C array, for people who stay with TensorFlow Lite Micro."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_export.arena import greedy_arena_bytes
from firmware_export.c_text import comment, wrap
from firmware_export.errors import ModelFileError
from firmware_export.lifetimes import tensor_lifetimes
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from quantize.ir.graph import IntGraph
from quantize.ir.ops import Conv2D, DepthwiseConv2D
from quantize.load.tflite_file import read_tflite

ALIGNMENT_BYTES = 16  # TFLM's, of the arena and of what it plans in it

# TFLM's method for each builtin that is not its name in camel case.
# Source: tensorflow/lite/micro/micro_mutable_op_resolver.h.
_METHODS = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONV_2D": "AddConv2D",
    "CUMSUM": "AddCumSum",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "L2_POOL_2D": "AddL2Pool2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}

# Fitted to TFLM's own figures for four models: node, tensors and data of an operator.
_BYTES_AN_OPERATOR = 192
_BYTES_A_CHANNEL = 8  # a multiplier and a shift, which TFLM keeps in RAM
_INTERPRETER_BYTES = 1024  # and the scratch buffers of CMSIS-NN on a core with DSP instructions


@dataclass(frozen=True, slots=True)
class ModelData:
    """What a user of TFLM must know.

    Attributes:
        methods: Of MicroMutableOpResolver, sorted, each once.
        arena_bytes: What should be enough for the tensor arena.
    """

    files: Mapping[str, str]
    methods: tuple[str, ...]
    arena_bytes: int


def model_data(program: Program, provenance: Provenance, tflite: bytes | None) -> ModelData:
    """Return PREFIX_model_data.h and .c, and PREFIX_op_resolver.h.

    Raises:
        ModelFileError: The model is no TFLite file, or TFLM has no method for one of its operators.
    """
    if tflite is None:
        raise ModelFileError(f"{provenance.model}: no TFLite file, which model data is made of")
    methods = resolver_methods(tflite, provenance.model)
    arena_bytes = arena_hint_bytes(program.graph, len(read_tflite(tflite, "").operators))
    name = f"{program.prefix}_model_data"
    files = {
        f"{name}.h": _header(program, provenance, len(tflite), arena_bytes),
        f"{name}.c": _source(program, provenance, tflite),
        f"{program.prefix}_op_resolver.h": _resolver(program, provenance, methods),
    }
    return ModelData(files, methods, arena_bytes)


def resolver_methods(tflite: bytes, name: str) -> tuple[str, ...]:
    """Return the methods of MicroMutableOpResolver that the file's operators need, and no other."""
    kinds = sorted({operator.kind for operator in read_tflite(tflite, name).operators})
    for kind in kinds:
        if kind.startswith(("CUSTOM", "operator")):
            raise ModelFileError(f"{name}: {kind}: expected builtin operators")
    return tuple(_METHODS.get(kind, _camel_case(kind)) for kind in kinds)


def _camel_case(kind: str) -> str:
    return "Add" + "".join(word.capitalize() for word in kind.split("_"))


def arena_hint_bytes(graph: IntGraph, operators: int) -> int:
    """Return bytes that should be enough for TFLM's arena: its planner's result and its tables."""
    lifetimes = tensor_lifetimes(graph)
    sizes = {name: graph.tensors[name].size_bytes for name in lifetimes}
    channels = sum(
        graph.tensors[operation.output].shape[3]
        for operation in graph.operations
        if isinstance(operation, Conv2D | DepthwiseConv2D)
    )
    tables = operators * _BYTES_AN_OPERATOR + channels * _BYTES_A_CHANNEL + _INTERPRETER_BYTES
    return greedy_arena_bytes(lifetimes, sizes, ALIGNMENT_BYTES) + _aligned(tables)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _header(program: Program, provenance: Provenance, size: int, arena_bytes: int) -> str:
    p, macro = program.prefix, program.prefix.upper()
    guard = f"{macro}_MODEL_DATA_H"
    about = comment(
        "An estimate for the reference kernels and CMSIS-NN on a Cortex-M4; ask "
        "MicroInterpreter::arena_used_bytes() what your build takes."
    )
    return (
        f"{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n'
        f"#define {macro}_MODEL_DATA_BYTES {size}\n\n"
        f"{about}\n#define {macro}_TENSOR_ARENA_BYTES {arena_bytes}\n\n"
        f"{comment('A TFLite file: tflite::GetModel(' + p + '_model_data)')}\n"
        f"extern const uint8_t {p}_model_data[{macro}_MODEL_DATA_BYTES];\n\n"
        f"#ifdef __cplusplus\n}}\n#endif\n\n#endif {comment(guard)}\n"
    )


def _source(program: Program, provenance: Provenance, tflite: bytes) -> str:
    p, macro = program.prefix, program.prefix.upper()
    body = "\n".join(wrap(str(byte) for byte in tflite))
    return (
        f'{provenance.c_lines()}#include "{p}_model_data.h"\n\n'
        f"#if defined(__GNUC__)\n__attribute__((aligned({ALIGNMENT_BYTES})))\n#endif\n"
        f"const uint8_t {p}_model_data[{macro}_MODEL_DATA_BYTES] = {{\n{body}\n}};\n"
    )


def _resolver(program: Program, provenance: Provenance, methods: tuple[str, ...]) -> str:
    p, macro = program.prefix, program.prefix.upper()
    guard = f"{macro}_OP_RESOLVER_H"
    calls = "".join(
        f"    if (resolver.{method}() != kTfLiteOk) {{\n        return kTfLiteError;\n    }}\n"
        for method in methods
    )
    return (
        f"{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n"
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"\n\n'
        f"{comment('As many operators as the model has, and no other.')}\n"
        f"using {p}_op_resolver = tflite::MicroMutableOpResolver<{len(methods)}>;\n\n"
        f"inline TfLiteStatus {p}_register_ops({p}_op_resolver &resolver)\n{{\n"
        f"{calls}    return kTfLiteOk;\n}}\n\n#endif {comment(guard)}\n"
    )
