"""The self-test as a program: C that every example prints its result with."""

from firmware_export.program import Program
from firmware_export.provenance import Provenance

_C_MAIN = """{lines}#include "{p}_selftest.h"

#include <stdio.h>
{includes}
{head}
{{
    const int32_t first = {p}_selftest();

    if (first >= 0) {{
        printf("{p}: FAIL, byte %ld differs\\n", (long)first);
    }} else {{
        printf("{p}: PASS, %lu vectors\\n", (unsigned long){p}_selftest_vector_count());
    }}
{end}}}
"""


def selftest_main(
    program: Program,
    provenance: Provenance,
    *,
    head: str = "int main(void)",
    end: str = "    return first >= 0 ? 1 : 0;\n",
    includes: str = "",
) -> str:
    """Return a C file whose function `head` runs the self-test and prints PASS or FAIL."""
    return _C_MAIN.format(
        lines=provenance.c_lines(), p=program.prefix, head=head, end=end, includes=includes
    )


_SKETCH = """{lines}#include <{p}.h>
#include <{p}_selftest.h>

void setup() {{
  Serial.begin(115200);
  while (!Serial && millis() < 5000) {{
  }}
  const int32_t first = {p}_selftest();
  if (first >= 0) {{
    Serial.print("{p}: FAIL, first differing byte ");
    Serial.println(first);
    return;
  }}
  Serial.print("{p}: PASS, vectors ");
  Serial.println({p}_selftest_vector_count());

  const unsigned long start = micros();
  {p}_run();
  Serial.print("microseconds of one inference: ");
  Serial.println(micros() - start);
}}

void loop() {{
}}
"""


def selftest_sketch(program: Program, provenance: Provenance) -> str:
    """Return an Arduino sketch that runs the self-test, then times one inference."""
    return _SKETCH.format(lines=provenance.c_lines(), p=program.prefix)
