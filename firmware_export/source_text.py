"""The C source of a model: const tables, the arena, and the list of kernel calls."""

from collections.abc import Mapping, Sequence

from firmware_export.c_text import C_TYPES, Initial, comment, struct, table
from firmware_export.calls import Call
from firmware_export.parameters import Parameters
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.target import Tier
from firmware_export.variant import Optimize, Rounding
from quantize.ir.graph import Array, DType


def source_text(program: Program, provenance: Provenance) -> str:
    """Return the text of PREFIX.c."""
    tables = _Tables(program.memory.external_from_bytes)
    layers = [_layer(index, call, program, tables) for index, call in enumerate(program.calls)]
    constants = "\n".join(definition for definition, _ in layers)
    calls = [line for _, line in layers]
    parts = (_opening(program, provenance), constants, _arena(program), _access(program))
    return "\n".join((*parts, _run(program, calls), _invoke(program)))


def _run(program: Program, calls: Sequence[str]) -> str:
    """Return PREFIX_run, and a function for each layer, into which its kernel may be inlined.

    Inlined into one long function, kernels would take registers and stack from each other.
    """
    names = [f"layer_{index}_run()" for index in range(len(calls))]
    heads = (f"EDGE_SHARED void {name[:-2]}(void)" for name in names)
    layers = [_function(head, [call]) for head, call in zip(heads, calls, strict=True)]
    steps = [f"{name};" for name in names]
    return "\n".join((*layers, _function(f"void {program.prefix}_run(void)", steps)))


def _function(head: str, lines: Sequence[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"{head}\n{{\n{body}}}\n"


class _Tables:
    """The arrays and structs defined so far, so that equal ones are stored once."""

    def __init__(self, external_from_bytes: int | None) -> None:
        self._external_from_bytes = external_from_bytes
        self._names: dict[tuple[str, bytes], str] = {}
        self._structs: dict[str, str] = {}

    def define(self, name: str, values: Array) -> tuple[str, str]:
        """Return the name to use and the definition, empty where an equal array is there."""
        key = (str(values.dtype), values.tobytes())
        if key in self._names:
            return self._names[key], ""
        self._names[key] = name
        is_external = is_large(values, self._external_from_bytes)
        placement = "EDGE_EXTERNAL" if is_external else "EDGE_WEIGHTS"
        return name, table(name, values, DType(str(values.dtype)), placement=placement)

    def define_struct(self, kind: str, name: str, fields: Mapping[str, Initial]) -> tuple[str, str]:
        """As `define`, for a struct."""
        key = struct(kind, "", fields)
        if key in self._structs:
            return self._structs[key], ""
        self._structs[key] = name
        return name, struct(kind, name, fields)


def is_large(values: Array, external_from_bytes: int | None) -> bool:
    """Tell whether a table goes to external flash."""
    return external_from_bytes is not None and values.nbytes >= external_from_bytes


def _opening(program: Program, provenance: Provenance) -> str:
    prefix, macro = program.prefix, program.prefix.upper()
    check = f"typedef char {prefix}_arena_is_as_planned"
    return (
        f"{provenance.c_lines()}"
        f'#include "{prefix}.h"\n\n'
        f"{_choices(program)}\n\n"
        '#include "kernels/edge_kernels.h"\n'
        '#include "kernels/edge_placement.h"\n\n'
        "#include <stddef.h>\n"
        "#include <string.h>\n\n"
        f"{comment(f'{prefix}.h belongs to another export if this does not compile.')}\n"
        f"{check}[{macro}_ARENA_BYTES == {program.arena.size_bytes} ? 1 : -1];\n"
    )


def _choices(program: Program) -> str:
    """Return what the kernels are told, and what GCC is.

    Blocks of instructions need all registers, the frame pointer's too. GCC 12 spills what its
    first scheduling has it load too early; kernels of instructions leave it little to schedule.
    """
    variant = program.variant
    options = ["Os"] if variant.optimize is Optimize.SIZE else []
    options += ["omit-frame-pointer"]
    options += ["no-schedule-insns"] if program.target.tier is Tier.GENERIC else []
    words = ", ".join(f'"{option}"' for option in options)
    lines = ["#define EDGE_OPTIMIZE_SPEED"] if variant.optimize is Optimize.SPEED else []
    lines += ["#define EDGE_SINGLE_ROUNDING 1"] if variant.rounding is Rounding.SINGLE else []
    lines += ["#if defined(__OPTIMIZE__) && defined(__GNUC__) && !defined(__clang__)"]
    lines += [f"#pragma GCC optimize ({words})", "#endif"]
    return "\n".join(lines)


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
        used, texts = _parameters(name, call.parameters, tables)
        kernel, first = call.parameters.kernel, f"&{used}"
        definitions += texts
    pairs = zip(arguments, call.inputs, strict=True)
    arguments = [_as_taken(text, tensor, kernel, program) for text, tensor in pairs]
    if (scratch := program.scratch_offset(call)) is not None:
        arguments.append(_place(scratch, program))
    output = _as_taken(_address(call.output, program), call.output, kernel, program, const="")
    arguments = [first, *arguments, output]
    return "".join(definitions), f"{kernel}({', '.join(arguments)});"


def _as_taken(
    address: str, tensor: str, kernel: str, program: Program, const: str = "const "
) -> str:
    """Return an address in the type that a kernel takes: the tensor's own, or bytes."""
    own = c_type(program, tensor)
    taken = own if "_s16" in kernel else "int8_t"
    given = own if tensor in program.graph.constants else "int8_t"  # the arena's
    return address if taken == given else _cast(address, taken, const)


def _cast(address: str, c_type: str, const: str) -> str:
    return f"({const}{c_type} *)({const}void *)({address})"


def _parameters(name: str, parameters: Parameters, tables: _Tables) -> tuple[str, list[str]]:
    """Return the name of the struct to use, and the definitions that it takes."""
    fields: dict[str, Initial] = dict(parameters.fields)
    texts = []
    for field, values in parameters.arrays.items():
        fields[field], text = tables.define(f"{name}_{field}", values)
        texts.append(text)
    if parameters.broadcast is not None:
        axes, text = tables.define_struct(
            "edge_broadcast_t", f"{name}_broadcast", parameters.broadcast
        )
        fields["broadcast"] = f"&{axes}"
        texts.append(text)
    used, text = tables.define_struct(parameters.struct, name, fields)
    return used, [*texts, text]


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
        f"{c_type(program, tensor)} *{function_name(program, 'input', name)}(void)\n"
        f"{{\n    return {_typed(tensor, program, '')};\n}}\n"
        for tensor, name in inputs
    ]
    getters += [
        f"const {c_type(program, tensor)} *{function_name(program, 'output', name)}(void)\n"
        f"{{\n    return {_typed(tensor, program, 'const ')};\n}}\n"
        for tensor, name in outputs
    ]
    return "\n".join(getters)


def _typed(tensor: str, program: Program, const: str) -> str:
    """Return the address of an input or output in its own type; the planner has aligned it."""
    address, own = _address(tensor, program), c_type(program, tensor)
    return address if own == "int8_t" else _cast(address, own, const)


def c_type(program: Program, tensor: str) -> str:
    """Return the C type of a tensor's elements: int8_t, int16_t, or int32_t of an index."""
    return C_TYPES[program.graph.tensors[tensor].dtype]


def function_name(program: Program, kind: str, name: str) -> str:
    """Return the C function that gives an input or output: PREFIX_input, PREFIX_input_left."""
    return "_".join(part for part in (program.prefix, kind, name) if part)


def invoke_prototype(program: Program) -> str:
    """Return the head of PREFIX_invoke, without its end."""
    inputs = [
        f"const {c_type(program, tensor)} *{argument('input', name)}"
        for tensor, name in zip(program.graph.inputs, program.input_names, strict=True)
    ]
    outputs = [
        f"{c_type(program, tensor)} *{argument('output', name)}"
        for tensor, name in zip(program.graph.outputs, program.output_names, strict=True)
    ]
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
