"""A shared object for Linux: the daemon's engine `native`, with nothing else to install.

The functions have the same names in every library, so that who loads one needs no header.
"""

from firmware_export.program import Program, check_codes_only
from firmware_export.provenance import Provenance
from firmware_export.source_text import function_name

ABI = 1

_MAKE = """# {line}
# make, or for another machine: make CC=arm-linux-gnueabihf-gcc
CC ?= cc
CFLAGS ?= -O3

{p}.so: {p}_shared.c {p}.c {p}_selftest.c
	$(CC) -std=c99 $(CFLAGS) -shared -fPIC -fvisibility=hidden -o $@ $^

clean:
	rm -f {p}.so
.PHONY: clean
"""

_SOURCE = """{lines}#include "{p}_selftest.h"

#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

/* Which of these functions there are, and what they mean. */
EXPORTED uint32_t edge_model_abi(void);
/* SHA-256 of the model file, in hex. */
EXPORTED const char *edge_model_sha256(void);
EXPORTED uint32_t edge_model_input_count(void);
EXPORTED uint32_t edge_model_output_count(void);
/* Where a tensor lies and how many bytes it has; NULL past the last one. */
EXPORTED int8_t *edge_model_input(uint32_t index, uint32_t *size);
EXPORTED const int8_t *edge_model_output(uint32_t index, uint32_t *size);
/* One inference, of what the inputs hold; by one thread at a time. */
EXPORTED void edge_model_run(void);
/* -1, or the first byte of the golden vectors that differs. */
EXPORTED int32_t edge_model_selftest(void);

uint32_t edge_model_abi(void)
{{
    return {abi}u;
}}

const char *edge_model_sha256(void)
{{
    return "{sha256}";
}}

uint32_t edge_model_input_count(void)
{{
    return {input_count}u;
}}

uint32_t edge_model_output_count(void)
{{
    return {output_count}u;
}}

int8_t *edge_model_input(uint32_t index, uint32_t *size)
{{
    switch (index) {{
{inputs}
    default:
        return NULL;
    }}
}}

const int8_t *edge_model_output(uint32_t index, uint32_t *size)
{{
    switch (index) {{
{outputs}
    default:
        return NULL;
    }}
}}

void edge_model_run(void)
{{
    {p}_run();
}}

int32_t edge_model_selftest(void)
{{
    return {p}_selftest();
}}
"""

_CASE = """    case {index}u:
        *size = {macro}_SIZE;
        return {name}();"""


def shared_object_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    check_codes_only(program, "shared-object")
    p = program.prefix
    source = _SOURCE.format(
        p=p,
        lines=provenance.c_lines(),
        abi=ABI,
        sha256=provenance.sha256,
        input_count=len(program.input_names),
        output_count=len(program.output_names),
        inputs=_cases(program, "input", program.input_names),
        outputs=_cases(program, "output", program.output_names),
    )
    return {"Makefile": _MAKE.format(p=p, line=provenance.line()), f"{p}_shared.c": source}


def _cases(program: Program, kind: str, names: tuple[str, ...]) -> str:
    functions = [function_name(program, kind, name) for name in names]
    return "\n".join(
        _CASE.format(index=index, macro=name.upper(), name=name)
        for index, name in enumerate(functions)
    )
