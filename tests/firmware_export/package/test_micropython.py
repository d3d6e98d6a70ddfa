"""The MicroPython module, compiled against stand-ins for MicroPython's headers."""

from pathlib import Path

import pytest

from quantize.ir.graph import IntGraph
from tests.firmware_export.int_graphs import residual_graph, two_headed_graph
from tests.firmware_export.package.packages import WARNINGS, export_package, run

# Types and macros with the shapes that py/obj.h and py/runtime.h give them.
OBJ_H = """
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef void *mp_obj_t;
typedef const void *mp_const_obj_t;
typedef unsigned long mp_uint_t;
typedef long mp_int_t;
typedef struct { const void *type; } mp_obj_base_t;
typedef struct { mp_const_obj_t key, value; } mp_rom_map_elem_t;
typedef struct { mp_obj_base_t base; const mp_rom_map_elem_t *table; } mp_obj_dict_t;
typedef struct { mp_obj_base_t base; mp_obj_dict_t *globals; } mp_obj_module_t;
typedef struct { void *buf; size_t len; int typecode; } mp_buffer_info_t;
typedef struct { mp_obj_t (*function)(void); } fun_0_t;
typedef struct { int least, most; mp_obj_t (*function)(size_t, const mp_obj_t *); } fun_var_t;
#define MP_BUFFER_READ 1
#define MP_BUFFER_WRITE 2
#define MP_QSTR___name__ "__name__"
#define MP_QSTR_net "net"
#define MP_QSTR_invoke "invoke"
#define MP_QSTR_selftest "selftest"
#define MP_QSTR_input_size "input_size"
#define MP_QSTR_output_size "output_size"
#define MP_QSTR_input_left_in_size "input_left_in_size"
#define MP_QSTR_input_t_2nd_in_size "input_t_2nd_in_size"
#define MP_QSTR_output_sum_size "output_sum_size"
#define MP_QSTR_output_clamp_size "output_clamp_size"
#define MP_ROM_QSTR(q) (q)
#define MP_ROM_PTR(p) (p)
#define MP_ROM_INT(i) ((const void *)(intptr_t)(i))
#define MP_ERROR_TEXT(text) (text)
#define mp_const_none ((mp_obj_t)0)
#define MP_DEFINE_CONST_FUN_OBJ_0(name, f) const fun_0_t name = {f}
#define MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(name, least, most, f) \\
    const fun_var_t name = {least, most, f}
#define MP_DEFINE_CONST_DICT(name, elements) const mp_obj_dict_t name = {{0}, elements}
#define MP_REGISTER_MODULE(name, module) extern const mp_obj_module_t module
extern const int mp_type_module;
mp_obj_t mp_obj_new_int(mp_int_t value);
void mp_get_buffer_raise(mp_obj_t object, mp_buffer_info_t *info, mp_uint_t flags);
void mp_raise_ValueError(const char *text);
"""


@pytest.mark.gcc
@pytest.mark.parametrize("graph", [residual_graph(), two_headed_graph()], ids=["one", "several"])
def test_the_module_compiles(graph: IntGraph, tmp_path: Path) -> None:
    out = export_package("micropython", tmp_path / "net", graph)
    (tmp_path / "py").mkdir()
    (tmp_path / "py" / "obj.h").write_text(OBJ_H)
    (tmp_path / "py" / "runtime.h").write_text("")

    compiler = ["gcc", "-std=gnu99", *WARNINGS, "-Wno-unused-function", f"-I{tmp_path}"]
    run([*compiler, "-c", "net_module.c"], out)


def test_both_build_files_take_every_source(tmp_path: Path) -> None:
    out = export_package("micropython", tmp_path / "net")
    sources = {path.name for path in out.glob("*.c")}

    for name in ("micropython.mk", "micropython.cmake"):
        text = (out / name).read_text()
        assert all(f"/{source}" in text for source in sources), name
