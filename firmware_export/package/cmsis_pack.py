"""A CMSIS-Pack description: the model and its self-test as two components.

Source: Open-CMSIS-Pack, schema/PACK.xsd 1.7.
"""

from xml.sax.saxutils import escape

from firmware_export.kernels import kernel_files
from firmware_export.package.selftest_app import selftest_main
from firmware_export.program import Program
from firmware_export.provenance import Provenance

VENDOR = "EdgeFirmware"

_TEXT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- {line} -->
<package schemaVersion="1.7.7" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance" \
xs:noNamespaceSchemaLocation="PACK.xsd">
  <vendor>{vendor}</vendor>
  <name>{p}</name>
  <description>Int8 inference of the model {p} in C99</description>
  <url></url>
  <releases>
    <release version="{version}">{line}</release>
  </releases>
  <keywords>
    <keyword>inference</keyword>
    <keyword>int8</keyword>
  </keywords>
  <conditions>
    <condition id="model">
      <description>The self-test needs the model.</description>
      <require Cclass="Machine Learning" Cgroup="{p}" Csub="Model"/>
    </condition>
  </conditions>
  <components>
    <component Cclass="Machine Learning" Cgroup="{p}" Csub="Model" Cversion="{version}">
      <description>The model: {p}.h</description>
      <files>
        <file category="header" name="{p}.h"/>
        <file category="sourceC" name="{p}.c"/>
{kernels}
      </files>
    </component>
    <component Cclass="Machine Learning" Cgroup="{p}" Csub="Self-test" Cversion="{version}" \
condition="model">
      <description>Golden vectors: {p}_selftest.h</description>
      <files>
        <file category="header" name="{p}_selftest.h"/>
        <file category="sourceC" name="{p}_selftest.c"/>
        <file category="sourceC" name="templates/selftest_main.c" attr="template" \
select="Program that prints PASS or FAIL"/>
      </files>
    </component>
  </components>
</package>
"""


def cmsis_pack_files(program: Program, provenance: Provenance) -> dict[str, str]:
    """Return the files of the package: path below the export, and text."""
    # A double hyphen would end an XML comment.
    line = escape(provenance.line()).replace("--", "- -")
    kernels = "\n".join(
        f'        <file category="header" name="{name}"/>' for name in kernel_files()
    )
    text = _TEXT.format(
        p=program.prefix,
        vendor=VENDOR,
        version=provenance.version,
        line=line,
        kernels=kernels,
    )
    return {
        f"{VENDOR}.{program.prefix}.pdsc": text,
        "templates/selftest_main.c": selftest_main(program, provenance),
    }
