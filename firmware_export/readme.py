"""The README of an export: how to use what lies beside it."""

from firmware_export.program import Program
from firmware_export.provenance import Provenance
from firmware_export.record import ExportRecord
from firmware_export.source_text import function_name

_TEXT = """# {p}

{line}.

Inference in C99: no heap, no stdio, no start-up work; constants in flash, one static arena of
{arena} bytes. `report.json` says what each layer costs.

| file | what |
|---|---|
| `{p}.h`, `{p}.c` | the model |
| `kernels/` | the kernels it calls (Apache-2.0) |
| `{p}_selftest.h`, `{p}_selftest.c` | {vectors} golden vectors; not needed to run the model |
| `CMakeLists.txt` | `add_subdirectory`, then link `{p}` |

Compile `{p}.c` with -O2; nothing else is needed.

```c
#include "{p}.h"

int8_t *input = {input}();           /* real = SCALE * (quantized - ZERO_POINT) */
const int8_t *output = {output}();
/* write {in_macro}_SIZE codes to input */
{p}_run();
/* read {out_macro}_SIZE codes from output */
```

`{p}_invoke` does the same with copies. `{p}_selftest()` returns -1 where this compiler and this
core compute what they should, bit for bit. `edge-firmware verify` does that on an emulator.
"""


def readme_text(program: Program, record: ExportRecord, provenance: Provenance) -> str:
    """Return the text of README.md."""
    first_input = function_name(program, "input", program.input_names[0])
    first_output = function_name(program, "output", program.output_names[0])
    notes = "".join(f"\nNote: {note}\n" for note in record.notes)
    text = _TEXT.format(
        p=program.prefix,
        line=provenance.line(),
        arena=program.arena.size_bytes,
        vectors=record.vectors,
        input=first_input,
        output=first_output,
        in_macro=first_input.upper(),
        out_macro=first_output.upper(),
    )
    return text + notes
