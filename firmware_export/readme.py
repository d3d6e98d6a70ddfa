"""The README of an export: how to use what lies beside it."""

from firmware_export.kernels import FOLDER
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.record import FILE_NAME, ExportRecord
from firmware_export.source_text import c_type, function_name

_TEXT = """# {p}

{line}.

Inference in C99: no heap, no stdio, no start-up work; constants in flash, one static arena of
{arena} bytes. `report.json` says what each layer costs.

| file | what |
|---|---|
| `{at}{p}.h`, `{at}{p}.c` | the model |
| `{at}kernels/` | the kernels it calls (Apache-2.0) |
| `{at}{p}_selftest.h`, `{at}{p}_selftest.c` | {vectors} golden vectors, for tests |
{front_end}| {package} | the build system's: see docs/firmware.md of the exporter |

Compile `{p}.c` with -O2; nothing else is needed.

```c
#include "{p}.h"

{in_type} *input = {input}();           /* real = SCALE * (quantized - ZERO_POINT) */
const {out_type} *output = {output}();
/* write {in_macro}_{in_count} codes to input */
{p}_run();
/* read {read} from output */
```

`{p}_invoke` does the same with copies. `{p}_selftest()` returns -1 where this compiler and this
core compute what they should, bit for bit. `edge-firmware verify` does that on an emulator.
"""

_WHAT_IS_READ = {"int8_t": "SIZE codes", "int16_t": "COUNT codes", "int32_t": "COUNT indices"}


def readme_text(program: Program, record: ExportRecord, provenance: Provenance) -> str:
    """Return the text of README.md."""
    first_input = function_name(program, "input", program.input_names[0])
    first_output = function_name(program, "output", program.output_names[0])
    notes = "".join(f"\nNote: {note}\n" for note in record.notes)
    in_type = c_type(program, program.graph.inputs[0])
    out_type = c_type(program, program.graph.outputs[0])
    text = _TEXT.format(
        p=program.prefix,
        at=record.source_folder,
        package=_package_files(record),
        front_end=_front_end_row(record),
        line=provenance.line(),
        arena=program.arena.size_bytes,
        vectors=record.vectors,
        input=first_input,
        output=first_output,
        in_macro=first_input.upper(),
        in_type=in_type,
        in_count="SIZE" if in_type == "int8_t" else "COUNT",
        out_type=out_type,
        read=f"{first_output.upper()}_{_WHAT_IS_READ[out_type]}",
    )
    return text + notes


def _front_end_row(record: ExportRecord) -> str:
    """Return the line about the front end, empty where none was exported."""
    p = record.prefix
    name = f"{record.source_folder}{p}_frontend.h"
    about = f"samples to `{p}_input()`; include it in one file, call `{p}_frontend`"
    return f"| `{name}` | {about} |\n" if name in record.files else ""


def _package_files(record: ExportRecord) -> str:
    """Return the names of what is neither the model nor a kernel nor about the export."""
    start = record.source_folder
    own = {"README.md", FILE_NAME}
    own |= {f"{start}{record.prefix}{ending}" for ending in (".h", ".c")}
    own |= {f"{start}{record.prefix}_selftest{ending}" for ending in (".h", ".c")}
    own.add(f"{start}{record.prefix}_frontend.h")
    kernels = f"{start}{FOLDER}/"
    names = [name for name in record.files if name not in own and not name.startswith(kernels)]
    return ", ".join(f"`{name}`" for name in names)
