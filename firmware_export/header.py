"""The header of a model: sizes, scales and zero points as macros, and the functions."""

import math

from firmware_export.c_text import comment, integer, real
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.source_text import c_type, function_name, invoke_prototype


def header_text(program: Program, provenance: Provenance) -> str:
    """Return the text of PREFIX.h."""
    guard = f"{program.prefix.upper()}_H"
    parts = [
        f"{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\n',
        _size_macros(program),
        *_tensor_macros(program),
        _arena(program),
        _functions(program),
        "#ifdef __cplusplus\n}\n#endif\n",
        f"#endif {comment(guard)}\n",
    ]
    return "\n".join(parts)


def _size_macros(program: Program) -> str:
    macro, about = program.prefix.upper(), "Activations and nothing else, planned offline."
    return f"{comment(about)}\n#define {macro}_ARENA_BYTES {program.arena.size_bytes}\n"


def _tensor_macros(program: Program) -> list[str]:
    inputs = zip(program.graph.inputs, program.input_names, strict=True)
    outputs = zip(program.graph.outputs, program.output_names, strict=True)
    about = comment("real = SCALE * (quantized - ZERO_POINT)")
    return [
        f"{about}\n{_macros(program, tensor, function_name(program, 'input', name))}"
        for tensor, name in inputs
    ] + [
        _macros(program, tensor, function_name(program, "output", name)) for tensor, name in outputs
    ]


def _macros(program: Program, tensor: str, name: str) -> str:
    shape = program.graph.tensors[tensor].shape
    quant = program.graph.tensors[tensor].quant
    values = {"SIZE": str(program.size_bytes(tensor))}
    if c_type(program, tensor) != "int8_t":
        values["COUNT"] = str(math.prod(shape))
    if quant is not None:  # not an index
        zero_point = integer(quant.zero_point)
        values["SCALE"] = real(quant.scale[0])
        values["ZERO_POINT"] = f"({zero_point})" if quant.zero_point < 0 else zero_point
    lines = [f"#define {name.upper()}_{key} {value}" for key, value in values.items()]
    return "\n".join((comment(f"{tensor}: {shape}"), *lines)) + "\n"


def _arena(program: Program) -> str:
    macro = program.prefix.upper()
    about = comment(
        f"Define {macro}_EXTERNAL_ARENA to place the arena yourself, aligned to "
        f"{program.target.alignment_bytes} bytes."
    )
    declaration = f"extern int8_t {program.prefix}_arena[{macro}_ARENA_BYTES];"
    return f"{about}\n#if defined({macro}_EXTERNAL_ARENA)\n{declaration}\n#endif\n"


def _functions(program: Program) -> str:
    inputs = zip(program.graph.inputs, program.input_names, strict=True)
    outputs = zip(program.graph.outputs, program.output_names, strict=True)
    getters = [
        f"{c_type(program, tensor)} *{function_name(program, 'input', name)}(void);"
        for tensor, name in inputs
    ]
    getters += [
        f"const {c_type(program, tensor)} *{function_name(program, 'output', name)}(void);"
        for tensor, name in outputs
    ]
    in_place = (
        (
            "Without copies: write the input here, run, read the output before the next input is "
            "written. The input is gone after run."
        ),
        "One inference; not reentrant, there is one arena.",
        "The same with copies; returns 0, or -1 where a pointer is NULL.",
    )
    return (
        f"{comment(in_place[0])}\n" + "\n".join(getters) + "\n\n"
        f"{comment(in_place[1])}\nvoid {program.prefix}_run(void);\n\n"
        f"{comment(in_place[2])}\n{invoke_prototype(program)};\n"
    )
