"""Weights only: documented arrays for people who bring their own kernels."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np

from firmware_export.c_text import C_TYPES, comment, integer, real, table
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.weighted import Weighted
from quantize.ir.graph import Array, DType, IntGraph
from quantize.ir.integer_params import code_bounds, quant_of, weighted_requants
from quantize.ir.ops import (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Operation,
    TransposeConv2D,
    input_names,
)

_CONVENTIONS = (
    "real = SCALE * (quantized - ZERO_POINT); weights have zero point 0.",
    "accumulator = bias[c] + sum of (input - INPUT_ZERO_POINT) * weight; the bias is the model's.",
    "output = accumulator * multiplier[c] * 2^(shift[c] - 31), rounded twice as CMSIS-NN does, ",
    "plus OUTPUT_ZERO_POINT, clamped to [OUTPUT_MIN, OUTPUT_MAX]. A positive shift goes left.",
    "Of int16 outputs the multiplier is first rounded to 16 bits, and the product once.",
    "Activations are channels last. Layers are numbered in the order in which they run.",
)
_LAYOUTS = {
    Conv2D: "(output channel, row, column, input channel)",
    DepthwiseConv2D: "(1, row, column, output channel)",
    TransposeConv2D: "(output channel, row, column, input channel)",
    FullyConnected: "(output, input)",
}


def weights_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return PREFIX_weights.h and PREFIX_weights.c."""
    name = f"{program.prefix}_weights"
    return {
        f"{name}.h": _header(program, provenance),
        f"{name}.c": _source(program, provenance),
    }


def _header(program: Program, provenance: Provenance) -> str:
    guard = f"{program.prefix.upper()}_WEIGHTS_H"
    conventions = "\n".join(comment(line) for line in _CONVENTIONS)
    layers = "\n".join(_layer_text(index, program) for index in _layers(program))
    return (
        f"{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{conventions}\n\n{layers}\n'
        f"#ifdef __cplusplus\n}}\n#endif\n\n#endif {comment(guard)}\n"
    )


def _source(program: Program, provenance: Provenance) -> str:
    tables = [
        table(name, values, DType(str(values.dtype)), static=False)
        for index in _layers(program)
        for name, values in _arrays(index, program).items()
    ]
    return f'{provenance.c_lines()}#include "{program.prefix}_weights.h"\n\n' + "\n".join(tables)


def _layers(program: Program) -> range:
    return range(len(program.graph.operations))


def _layer_text(index: int, program: Program) -> str:
    operation = program.graph.operations[index]
    lines = [comment(_description(index, operation, program.graph))]
    if isinstance(operation, Weighted):
        lines.append(comment(f"weight: {_LAYOUTS[type(operation)]}"))
    macros = _macros(operation, program.graph)
    start = f"{program.prefix.upper()}_{index}"
    lines += [f"#define {start}_{key} {value}" for key, value in macros.items()]
    lines += [
        f"extern const {C_TYPES[DType(str(values.dtype))]} {name}[{values.size}];"
        f" {comment(f'shape {values.shape}')}"
        for name, values in _arrays(index, program).items()
    ]
    return "\n".join(lines) + "\n"


def _description(index: int, operation: Operation, graph: IntGraph) -> str:
    """Return the layer's kind, tensors with their shapes, and attributes."""
    read = (name for name in input_names(operation) if name not in graph.constants)
    inputs = ", ".join(f"{name} {graph.tensors[name].shape}" for name in read)
    output = f"{operation.output} {graph.tensors[operation.output].shape}"
    tensors = {"input", "inputs", "left", "right", "weight", "bias", "output"}
    attributes = [
        f"{field.name} {getattr(operation, field.name)}"
        for field in fields(operation)
        if field.name not in tensors
    ]
    kind = type(operation).__name__
    return f"{index}: {kind}: {inputs} -> {output}" + "".join(f"; {text}" for text in attributes)


def _macros(operation: Operation, graph: IntGraph) -> dict[str, str]:
    macros: dict[str, str] = {}
    read = [name for name in input_names(operation) if name not in graph.constants]
    for number, name in enumerate(read):
        start = "INPUT" if len(read) == 1 else f"INPUT_{number}"
        macros |= _quant_macros(start, name, graph)
    macros |= _quant_macros("OUTPUT", operation.output, graph)
    if isinstance(operation, Weighted):
        output = graph.tensors[operation.output]
        bounds = code_bounds(operation.activation, quant_of(graph, operation.output), output.dtype)
        macros |= {"OUTPUT_MIN": _bracketed(bounds[0]), "OUTPUT_MAX": _bracketed(bounds[1])}
    return macros


def _quant_macros(start: str, name: str, graph: IntGraph) -> dict[str, str]:
    quant = quant_of(graph, name)
    return {
        f"{start}_SCALE": real(quant.scale[0]),
        f"{start}_ZERO_POINT": _bracketed(quant.zero_point),
    }


def _bracketed(value: int) -> str:
    return f"({integer(value)})" if value < 0 else integer(value)


def _arrays(index: int, program: Program) -> Mapping[str, Array]:
    operation = program.graph.operations[index]
    start = f"{program.prefix}_{index}"
    if isinstance(operation, Weighted):
        return {f"{start}_{key}": v for key, v in _weighted(operation, program.graph)}
    constants = (name for name in input_names(operation) if name in program.graph.constants)
    return {f"{start}_constant": program.graph.constants[name] for name in constants}


def _weighted(operation: Weighted, graph: IntGraph) -> Iterator[tuple[str, Array]]:
    yield "weight", graph.constants[operation.weight]
    if operation.bias is not None:
        yield "bias", graph.constants[operation.bias]
    requants = weighted_requants(operation, graph)
    yield "multiplier", np.array([requant.multiplier for requant in requants], np.int32)
    yield "shift", np.array([requant.shift for requant in requants], np.int8)
    scales = quant_of(graph, operation.weight).scale
    yield "weight_scale", np.array(scales, np.float32)
