"""The unit for one configuration: sound to systemd, exposed as little as can be, and exact."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edge_runtime.config.loading import load_config
from edge_runtime.errors import ConfigError
from edge_runtime.unit.needs import needs_of
from edge_runtime.unit.service import Program, this_program, unit_text
from tests.conftest import ROOT

ANALYZE = shutil.which("systemd-analyze")
CONFIGS = sorted((ROOT / "device_configs").glob("*.toml"))
TEMPLATE = ROOT / "deploy" / "systemd" / "edge-runtime@.service"
PROGRAM = Program(("/bin/true",), (Path("/opt/edge-runtime"),))
_SYSFS = (
    "# A sensor's switches are files below /sys (docs/sources.md: who may write them).",
    "ProtectKernelTunables",
)
EXPOSURE_SENSOR, EXPOSURE_DEVICES = 13, 15  # tenths; a bare unit has 96


def unit_of(path: Path, program: Program = PROGRAM) -> str:
    return unit_text(load_config(path), path, program)


def write_config(directory: Path, source: str, mqtt: str = "") -> Path:
    path = directory / "porch.toml"
    path.write_text(f"""
[device]
id = "porch-pi"
[mqtt]
{mqtt}
[[pipeline]]
name = "door"
model = "person"
source = {{ {source} }}
""")
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.systemd
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_variant_is_sound_and_exposes_little(config: Path, tmp_path: Path) -> None:
    text = unit_of(config)
    unit = tmp_path / "edge-runtime-porch.service"
    unit.write_text(text)
    limit = EXPOSURE_DEVICES if "DeviceAllow=" in text else EXPOSURE_SENSOR

    verified = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    judged = analyze("security", "--offline=yes", f"--threshold={limit}", str(unit))

    assert [line for line in verified.stderr.splitlines() if unit.name in line] == []
    assert judged.returncode == 0, judged.stdout[-1500:] + judged.stderr


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_the_template_is_hardened_like_every_variant(config: Path) -> None:
    """What is left over is what depends on the configuration."""
    template = set(TEMPLATE.read_text(encoding="utf-8").splitlines())
    own = {line.partition("=")[0] for line in unit_of(config).splitlines() if line not in template}

    assert own <= {
        "# Made by `edge-runtime unit` for the device " + load_config(config).device.id + ".",
        "# More starts than the daemon's own safe mode needs to come down to health alone.",
        *("After", "BindReadOnlyPaths", "Description", "DeviceAllow", "DevicePolicy"),
        *("ExecStart", "IPAddressAllow", "IPAddressDeny", "LoadCredential", "PrivateDevices"),
        *("ProtectHome", "StateDirectory", "SupplementaryGroups", "Wants"),
        *(_SYSFS if needs_of(load_config(config)).writes_sysfs else ()),
    }


def test_an_engine_that_compiles_may(tmp_path: Path) -> None:
    config = write_config(tmp_path, 'kind = "synthetic"')
    lines = unit_of(config).splitlines()
    config.write_text(config.read_text() + 'engine = "openvino"\n')
    compiling = unit_of(config).splitlines()

    assert "MemoryDenyWriteExecute=yes" in lines
    assert "MemoryDenyWriteExecute=no" not in lines
    # The last one counts, systemd.unit(5).
    assert [line for line in compiling if "MemoryDeny" in line][-1] == "MemoryDenyWriteExecute=no"


def test_secrets_are_handed_over_by_systemd(tmp_path: Path) -> None:
    mqtt = 'host = "b.example"\nusername = "porch"\npassword_file = "/etc/edge-runtime/p"'

    text = unit_of(write_config(tmp_path, 'kind = "synthetic"', mqtt))

    assert "LoadCredential=mqtt-password:/etc/edge-runtime/p\n" in text


def test_a_path_below_home_is_the_only_one_seen(tmp_path: Path) -> None:
    path = write_config(tmp_path, 'kind = "video", path = "/home/pi/door.mp4"')

    text = unit_of(path)

    assert "ProtectHome=tmpfs\n" in text
    assert "BindReadOnlyPaths=/home/pi/door.mp4\n" in text
    assert f"BindReadOnlyPaths={path}\n" in text


def test_a_word_of_the_command_is_taken_as_it_stands(tmp_path: Path) -> None:
    program = Program(("/opt/my tools/edge", "100%", "$HOME"), ())

    assert 'ExecStart="/opt/my tools/edge" 100%% $$HOME run ' in unit_of(
        write_config(tmp_path, 'kind = "synthetic"'), program
    )


@pytest.mark.parametrize("name", ["my models", "a:b", "50%"])
def test_a_path_that_no_unit_can_name_is_refused(tmp_path: Path, name: str) -> None:
    path = write_config(tmp_path, f'kind = "video", path = "/home/{name}"')

    with pytest.raises(ConfigError, match="a unit cannot name a path"):
        unit_of(path)


def test_a_command_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line break"):
        unit_of(write_config(tmp_path, 'kind = "synthetic"'), Program(("/a\nb",), ()))


def test_the_unit_starts_what_asked_for_it() -> None:
    program = this_program()

    assert Path(program.words[0]).is_absolute()
    assert program.words[1:] == ("-m", "edge_runtime")
