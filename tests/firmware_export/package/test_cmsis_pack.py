from pathlib import Path
from xml.etree import ElementTree as ET

from tests.firmware_export.package.packages import export_package

ORDER = ["vendor", "name", "description", "url", "releases", "keywords", "conditions", "components"]


def test_the_description_names_every_file_and_only_such(tmp_path: Path) -> None:
    out = export_package("cmsis-pack", tmp_path / "net")
    root = ET.parse(out / "EdgeFirmware.net.pdsc").getroot()

    named = {element.attrib["name"] for element in root.iter("file")}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*.[ch]")}
    assert named == there
    assert sorted(element.tag for element in root) == sorted(ORDER)


def test_the_file_is_called_as_vendor_and_name_say(tmp_path: Path) -> None:
    out = export_package("cmsis-pack", tmp_path / "net")
    root = ET.parse(out / "EdgeFirmware.net.pdsc").getroot()

    assert f"{root.findtext('vendor')}.{root.findtext('name')}" == "EdgeFirmware.net"


def test_components_use_conditions_that_are_declared(tmp_path: Path) -> None:
    out = export_package("cmsis-pack", tmp_path / "net")
    root = ET.parse(out / "EdgeFirmware.net.pdsc").getroot()

    declared = {element.attrib["id"] for element in root.iter("condition")}
    used = {c.attrib["condition"] for c in root.iter("component") if "condition" in c.attrib}
    assert used == declared
    release = root.find("releases/release")
    assert release is not None
    assert {c.attrib["Cversion"] for c in root.iter("component")} == {release.attrib["version"]}
