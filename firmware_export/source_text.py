"""The C source of a model: const tables, the arena, and the list of kernel calls."""

from collections.abc import Iterator

from firmware_export.c_text import Initial, comment, struct, table
from firmware_export.calls import Call
from firmware_export.parameters import Parameters
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from quantize.ir.graph import Array, DType


def source_text(program: Program, provenance: Provenance) -> str:
    """Return the text of PREFIX.c."""
    tables = _Tables()
    layers = [_layer(index, call, program, tables) for index, call in enumerate(program.calls)]
    constants = "\n".join(definition for definition, _ in layers)
    body = "".join(f"    {line}\n" for _, line in layers)
    parts = (_opening(program, provenance), constants, _arena(program), _access(program))
    run = f"void {program.prefix}_run(void)\n{{\n{body}}}\n"
    return "\n".join((*parts, run, _invoke(program)))


class _Tables:
    """The arrays defined so far, so that equal ones are stored once."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, bytes], str] = {}

    def define(self, name: str, values: Array) -> tuple[str, str]:
        """Return the name to use and the definition, empty where an equal array is there."""
        key = (str(values.dtype), values.tobytes())
        if key in self._names:
            return self._names[key], ""
        self._names[key] = name
        return name, table(name, values, DType(str(values.dtype)), placement="EDGE_WEIGHTS")


def _opening(program: Program, provenance: Provenance) -> str:
    prefix, macro = program.prefix, program.prefix.upper()
    check = f"typedef char {prefix}_arena_is_as_planned"
    return (
        f"{provenance.c_lines()}"
        f'#include "{prefix}.h"\n\n'
        '#include "kernels/edge_kernels.h"\n'
        '#include "kernels/edge_placement.h"\n\n'
        "#include <stddef.h>\n"
        "#include <string.h>\n\n"
        f"{comment(f'{prefix}.h belongs to another export if this does not compile.')}\n"
        f"{check}[{macro}_ARENA_BYTES == {program.arena.size_bytes} ? 1 : -1];\n"
    )


def _layer(index: int, call: Call, program: Program, tables: _Tables) -> tuple[str, str]:
    """Return the definitions and the call of one layer."""
    name = f"layer_{index}"
    arguments = [_address(tensor, program) for tensor in call.inputs]
    definitions = [comment(f"{index}: {call.output}") + "\n"]
    for number, tensor in enumerate(call.inputs):
        if tensor in program.graph.constants:
            used, text = tables.define(f"{name}_input_{number}", program.graph.constants[tensor])
            definitions.append(text)
            arguments[number] = used
    if call.parameters is None:
        kernel, first = "edge_copy_s8", str(program.size_bytes(call.output))
    else:
        kernel, first = call.parameters.kernel, f"&{name}"
        definitions += _parameters(name, call.parameters, tables)
    if (scratch := program.scratch_offset(call)) is not None:
        arguments.append(_place(scratch, program))
    arguments = [first, *arguments, _address(call.output, program)]
    return "".join(definitions), f"{kernel}({', '.join(arguments)});"


def _parameters(name: str, parameters: Parameters, tables: _Tables) -> Iterator[str]:
    fields: dict[str, Initial] = dict(parameters.fields)
    for field, values in parameters.arrays.items():
        fields[field], text = tables.define(f"{name}_{field}", values)
        yield text
    if parameters.broadcast is not None:
        fields["broadcast"] = f"&{name}_broadcast"
        yield struct("edge_broadcast_t", f"{name}_broadcast", parameters.broadcast)
    yield struct(parameters.struct, name, fields)


def _address(tensor: str, program: Program) -> str:
    if tensor in program.graph.constants:
        return ""  # a table takes its place
    return _place(program.offset(tensor), program)


def _place(offset: int, program: Program) -> str:
    return f"{program.prefix}_arena + {offset}" if offset else f"{program.prefix}_arena"


def _arena(program: Program) -> str:
    prefix, macro = program.prefix, program.prefix.upper()
    return (
        f"#if !defined({macro}_EXTERNAL_ARENA)\n"
        "#if defined(__GNUC__)\n"
        f"__attribute__((aligned({program.target.alignment_bytes})))\n"
        "#endif\n"
        f"EDGE_ARENA static int8_t {prefix}_arena[{macro}_ARENA_BYTES];\n"
        "#endif\n"
    )


def _access(program: Program) -> str:
    inputs = zip(program.graph.inputs, program.input_names, strict=True)
    outputs = zip(program.graph.outputs, program.output_names, strict=True)
    getters = [
        f"int8_t *{function_name(program, 'input', name)}(void)\n"
        f"{{\n    return {_address(tensor, program)};\n}}\n"
        for tensor, name in inputs
    ]
    getters += [
        f"const int8_t *{function_name(program, 'output', name)}(void)\n"
        f"{{\n    return {_address(tensor, program)};\n}}\n"
        for tensor, name in outputs
    ]
    return "\n".join(getters)


def function_name(program: Program, kind: str, name: str) -> str:
    """Return the C function that gives an input or output: PREFIX_input, PREFIX_input_left."""
    return "_".join(part for part in (program.prefix, kind, name) if part)


def invoke_prototype(program: Program) -> str:
    """Return the head of PREFIX_invoke, without its end."""
    inputs = [f"const int8_t *{argument('input', name)}" for name in program.input_names]
    outputs = [f"int8_t *{argument('output', name)}" for name in program.output_names]
    return f"int {program.prefix}_invoke({', '.join((*inputs, *outputs))})"


def argument(kind: str, name: str) -> str:
    """Return the name of a parameter of PREFIX_invoke."""
    return f"{kind}_{name}" if name else kind


def _invoke(program: Program) -> str:
    inputs = [argument("input", name) for name in program.input_names]
    outputs = [argument("output", name) for name in program.output_names]
    is_null = " || ".join(f"{name} == NULL" for name in (*inputs, *outputs))
    copies_in = [
        f"(void)memcpy({_address(tensor, program)}, {name}, {program.size_bytes(tensor)}u);"
        for tensor, name in zip(program.graph.inputs, inputs, strict=True)
    ]
    copies_out = [
        f"(void)memcpy({name}, {_address(tensor, program)}, {program.size_bytes(tensor)}u);"
        for tensor, name in zip(program.graph.outputs, outputs, strict=True)
    ]
    lines = [*copies_in, f"{program.prefix}_run();", *copies_out, "return 0;"]
    body = "".join(f"    {line}\n" for line in lines)
    head = invoke_prototype(program)
    return f"{head}\n{{\n    if ({is_null}) {{\n        return -1;\n    }}\n{body}}}\n"
