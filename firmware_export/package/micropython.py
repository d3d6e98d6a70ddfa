"""A MicroPython C module: `import NAME`, with invoke and selftest.

Source: docs.micropython.org, develop/cmodules.
"""

from firmware_export.program import Program, check_codes_only
from firmware_export.provenance import Provenance
from firmware_export.source_text import argument

_MAKE = """# {line}
# make USER_C_MODULES=<the folder above this one>
{macro}_DIR := $(USERMOD_DIR)
SRC_USERMOD += $({macro}_DIR)/{p}_module.c
SRC_USERMOD_LIB_C += $({macro}_DIR)/{p}.c $({macro}_DIR)/{p}_selftest.c
CFLAGS_USERMOD += -I$({macro}_DIR)
"""

_CMAKE = """# {line}
# USER_C_MODULES=<this file>
add_library(usermod_{p} INTERFACE)
target_sources(usermod_{p} INTERFACE
  ${{CMAKE_CURRENT_LIST_DIR}}/{p}_module.c
  ${{CMAKE_CURRENT_LIST_DIR}}/{p}.c
  ${{CMAKE_CURRENT_LIST_DIR}}/{p}_selftest.c)
target_include_directories(usermod_{p} INTERFACE ${{CMAKE_CURRENT_LIST_DIR}})
target_link_libraries(usermod INTERFACE usermod_{p})
"""

_EXAMPLE = """# {line}
import {p}

first = {p}.selftest()
print("{p}: PASS" if first < 0 else "{p}: FAIL, byte {{}} differs".format(first))
"""

_MODULE = """{lines}#include "{p}_selftest.h"

#include "py/obj.h"
#include "py/runtime.h"

{take}
/* {p}.invoke({names}): buffers of bytes, exactly as long as the model's tensors */
static mp_obj_t {p}_py_invoke(size_t count, const mp_obj_t *arguments)
{{
{buffers}
    (void)count;
    (void){p}_invoke({pointers});
    return mp_const_none;
}}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN({p}_py_invoke_obj, {total}, {total}, {p}_py_invoke);

/* {p}.selftest(): -1, or the index of the first byte that differs */
static mp_obj_t {p}_py_selftest(void)
{{
    return mp_obj_new_int({p}_selftest());
}}
static MP_DEFINE_CONST_FUN_OBJ_0({p}_py_selftest_obj, {p}_py_selftest);

static const mp_rom_map_elem_t {p}_py_globals_table[] = {{
    {{MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_{p})}},
    {{MP_ROM_QSTR(MP_QSTR_invoke), MP_ROM_PTR(&{p}_py_invoke_obj)}},
    {{MP_ROM_QSTR(MP_QSTR_selftest), MP_ROM_PTR(&{p}_py_selftest_obj)}},
{sizes}
}};
static MP_DEFINE_CONST_DICT({p}_py_globals, {p}_py_globals_table);

const mp_obj_module_t {p}_py_module = {{
    .base = {{&mp_type_module}},
    .globals = (mp_obj_dict_t *)&{p}_py_globals,
}};
MP_REGISTER_MODULE(MP_QSTR_{p}, {p}_py_module);
"""

_TAKE = """/* The bytes of `object`, which must be `size`; ValueError otherwise. */
static void *{p}_py_buffer(mp_obj_t object, size_t size, mp_uint_t flags)
{{
    mp_buffer_info_t info;

    mp_get_buffer_raise(object, &info, flags);
    if (info.len != size) {{
        mp_raise_ValueError(MP_ERROR_TEXT("wrong buffer size"));
    }}
    return info.buf;
}}
"""


def micropython_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    check_codes_only(program, "micropython")
    p = program.prefix
    values = {"p": p, "macro": p.upper(), "line": provenance.line()}
    return {
        "micropython.mk": _MAKE.format(**values),
        "micropython.cmake": _CMAKE.format(**values),
        f"{p}_module.c": _module(program, provenance),
        "examples/selftest.py": _EXAMPLE.format(**values),
    }


def _module(program: Program, provenance: Provenance) -> str:
    p = program.prefix
    inputs = [argument("input", name) for name in program.input_names]
    outputs = [argument("output", name) for name in program.output_names]
    names = [*inputs, *outputs]
    flags = ["MP_BUFFER_READ"] * len(inputs) + ["MP_BUFFER_WRITE"] * len(outputs)
    buffers = "\n".join(
        f"    {_type(flag)} *{name} = "
        f"{p}_py_buffer(arguments[{i}], {p.upper()}_{name.upper()}_SIZE, {flag});"
        for i, (name, flag) in enumerate(zip(names, flags, strict=True))
    )
    sizes = "\n".join(
        f"    {{MP_ROM_QSTR(MP_QSTR_{name}_size), MP_ROM_INT({p.upper()}_{name.upper()}_SIZE)}},"
        for name in names
    )
    return _MODULE.format(
        p=p,
        lines=provenance.c_lines(),
        take=_TAKE.format(p=p),
        names=", ".join(names),
        buffers=buffers,
        pointers=", ".join(names),
        total=len(names),
        sizes=sizes,
    )


def _type(flag: str) -> str:
    return "const int8_t" if flag == "MP_BUFFER_READ" else "int8_t"
