"""The self-test of a model: golden vectors beside the code that compares with them."""

import numpy as np

from firmware_export.c_text import comment, table
from firmware_export.golden import Golden
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.source_text import function_name
from quantize.ir.graph import Array, DType

_DECLARATIONS = (
    ("uint32_t {p}_selftest_vector_count(void);", "How many golden vectors there are."),
    (
        "int32_t {p}_selftest(void);",
        (
            "Runs all of them: -1, or the index of the first byte that differs, counted through "
            "all outputs of all vectors."
        ),
    ),
    ("void {p}_selftest_load(uint32_t vector);", "Writes the input of one vector."),
    (
        "uint32_t {p}_selftest_compare(uint32_t vector);",
        "After run: how many output bytes of that vector differ.",
    ),
)


def selftest_header(program: Program, provenance: Provenance) -> str:
    """Return the text of PREFIX_selftest.h."""
    p = program.prefix
    guard = f"{p.upper()}_SELFTEST_H"
    functions = "\n".join(
        f"{comment(about)}\n{text.format(p=p)}\n" for text, about in _DECLARATIONS
    )
    return (
        f'{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n#include "{p}.h"\n\n'
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{functions}\n'
        f"#ifdef __cplusplus\n}}\n#endif\n\n#endif {comment(guard)}\n"
    )


def selftest_source(program: Program, golden: Golden, provenance: Provenance) -> str:
    """Return the text of PREFIX_selftest.c."""
    p = program.prefix
    inputs = {name: golden.inputs[name] for name in program.graph.inputs}
    outputs = {name: golden.outputs[name] for name in program.graph.outputs}
    parts = (
        f'{provenance.c_lines()}#include "{p}_selftest.h"\n',
        table("golden_input", _side_by_side(inputs), DType.INT8),
        table("golden_output", _side_by_side(outputs), DType.INT8),
        _COUNT.format(p=p, count=golden.count),
        _load(program),
        _first_difference(program),
        _compare(program),
        _SELFTEST.format(p=p, output_bytes=_total(program, program.graph.outputs)),
    )
    return "\n".join(parts)


def _side_by_side(tensors: dict[str, Array]) -> Array:
    """Return (N, all bytes of one vector): the tensors of a vector behind one another."""
    return np.concatenate([_bytes(values) for values in tensors.values()], 1)


def _bytes(values: Array) -> Array:
    """Return (N, bytes of one vector) int8, the lowest byte of an index first."""
    little = np.ascontiguousarray(values.reshape(len(values), -1), values.dtype.newbyteorder("<"))
    return little.view(np.int8)


def _total(program: Program, names: tuple[str, ...]) -> int:
    return sum(program.size_bytes(name) for name in names)


_COUNT = """uint32_t {p}_selftest_vector_count(void)
{{
    return {count}u;
}}
"""

_COMPARE_PART = """    for (uint32_t i = 0u; i < {size}u; i++) {{
        differing += {output}[i] != golden[{at}i] ? 1u : 0u;
    }}
"""

_LOAD_PART = """    for (uint32_t i = 0u; i < {size}u; i++) {{
        {input}[i] = golden[{at}i];
    }}
"""

_FIRST_PART = """    for (int32_t i = 0; i < {size}; i++) {{
        if ({output}[i] != golden[{at}i]) {{
            return {at}i;
        }}
    }}
"""

_SELFTEST = """int32_t {p}_selftest(void)
{{
    for (uint32_t vector = 0u; vector < {p}_selftest_vector_count(); vector++) {{
        {p}_selftest_load(vector);
        {p}_run();
        const int32_t index = first_difference(vector);
        if (index >= 0) {{
            return (int32_t)vector * {output_bytes} + index;
        }}
    }}
    return -1;
}}
"""


def _parts(program: Program, kind: str, template: str) -> str:
    is_input = kind == "input"
    tensors = program.graph.inputs if is_input else program.graph.outputs
    names = program.input_names if is_input else program.output_names
    text, start = "", 0
    for tensor, name in zip(tensors, names, strict=True):
        size = program.size_bytes(tensor)
        function = f"{function_name(program, kind, name)}()"
        if program.graph.tensors[tensor].dtype is not DType.INT8:
            function = f"(({'' if is_input else 'const '}int8_t *){function})"
        at = f"{start} + " if start else ""
        text += template.format(size=size, at=at, **{kind: function})
        start += size
    return text


def _load(program: Program) -> str:
    total = _total(program, program.graph.inputs)
    return (
        f"void {program.prefix}_selftest_load(uint32_t vector)\n{{\n"
        f"    const int8_t *golden = golden_input + vector * {total}u;\n"
        f"{_parts(program, 'input', _LOAD_PART)}}}\n"
    )


def _first_difference(program: Program) -> str:
    total = _total(program, program.graph.outputs)
    return (
        "static int32_t first_difference(uint32_t vector)\n{\n"
        f"    const int8_t *golden = golden_output + vector * {total}u;\n"
        f"{_parts(program, 'output', _FIRST_PART)}    return -1;\n}}\n"
    )


def _compare(program: Program) -> str:
    total = _total(program, program.graph.outputs)
    return (
        f"uint32_t {program.prefix}_selftest_compare(uint32_t vector)\n{{\n"
        f"    const int8_t *golden = golden_output + vector * {total}u;\n"
        "    uint32_t differing = 0u;\n"
        f"{_parts(program, 'output', _COMPARE_PART)}    return differing;\n}}\n"
    )
