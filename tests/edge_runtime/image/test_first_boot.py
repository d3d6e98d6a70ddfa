"""The scripts are run by a real shell; only what exists on a Raspberry Pi alone is stood in for."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.device_files import as_archive, device_files
from edge_runtime.image.first_boot import (
    ARCHIVE,
    MOUNTED_AT,
    PACKAGE,
    SUMS,
    Host,
    Person,
    StockSystem,
    checked_host,
    first_boot_files,
    first_run,
    installer,
    with_run_once,
)
from edge_runtime.image.wifi import Wifi, wifi
from tests.edge_runtime.image.cards import config

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 it's me"
ODD = 'o\'dd "na$me" `x` \\ ü'
HOST = Host("porch", Person("edge", (KEY,)), Wifi(ODD, "ab" * 32, "DE"))
UNIT = "edge-runtime-porch.service"


def files_for(system: StockSystem, host: Host = HOST) -> dict[str, bytes]:
    return first_boot_files(system, host, UNIT, b"package", b"archive")


def recorder(place: Path) -> Path:
    """A program that writes down its arguments, one a line."""
    place.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{place}.log\n')
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("system", [StockSystem.RASPIOS_TRIXIE, StockSystem.UBUNTU])
def test_cloud_init_is_told_name_key_network_and_what_to_run(system: StockSystem) -> None:
    files = files_for(system)

    head, _, body = files["user-data"].decode().partition("\n")
    user_data = json.loads(body)
    assert head == "#cloud-config"
    assert user_data["hostname"] == "porch"
    assert user_data["users"][0]["ssh_authorized_keys"] == [KEY]
    assert user_data["runcmd"] == [["sh", "/boot/firmware/edge-runtime-install.sh", "start"]]
    assert ("enable_ssh" in user_data) == (system is StockSystem.RASPIOS_TRIXIE)
    network = json.loads(files["network-config"])["network"]
    assert network["wifis"]["wlan0"]["access-points"] == {ODD: {"password": "ab" * 32}}
    assert json.loads(files["meta-data"])["instance-id"].startswith("porch-")


def test_without_key_and_network_nobody_logs_in_and_the_wire_is_used() -> None:
    files = files_for(StockSystem.UBUNTU, Host("porch", Person("edge", ())))

    assert "users" not in json.loads(files["user-data"].partition(b"\n")[2])
    assert "wifis" not in json.loads(files["network-config"])["network"]
    assert "userconf" not in first_run(Host("porch", Person("edge", ())))
    assert "set_wlan" not in first_run(Host("porch", Person("edge", ())))


def test_another_kit_is_another_instance() -> None:
    other = first_boot_files(StockSystem.UBUNTU, HOST, UNIT, b"package", b"other")

    assert other["meta-data"] != files_for(StockSystem.UBUNTU)["meta-data"]


def test_firstrun_hands_odd_characters_over_unchanged(tmp_path: Path) -> None:
    custom, userconf = recorder(tmp_path / "custom"), recorder(tmp_path / "userconf")
    (tmp_path / "cmdline.txt").write_bytes(with_run_once(b"console=tty1 quiet\n"))
    text = first_run(HOST).replace("/usr/lib/raspberrypi-sys-mods/imager_custom", str(custom))
    text = text.replace("/usr/lib/userconf-pi/userconf", str(userconf))
    (tmp_path / "firstrun.sh").write_text(text.replace(MOUNTED_AT, str(tmp_path)))
    recorder(tmp_path / "edge-runtime-install.sh")

    subprocess.run(["sh", tmp_path / "firstrun.sh"], check=True)

    said = Path(f"{custom}.log").read_text().splitlines()
    assert said == [
        "set_hostname",
        "porch",
        "enable_ssh",
        "-k",
        KEY,
        "set_wlan",
        ODD,
        "ab" * 32,
        "DE",
    ]
    assert Path(f"{userconf}.log").read_text().splitlines() == ["edge", "*"]
    assert (tmp_path / "cmdline.txt").read_text() == "console=tty1 quiet\n"
    assert not (tmp_path / "firstrun.sh").exists()


def test_the_installer_checks_installs_unpacks_and_removes_the_secrets(tmp_path: Path) -> None:
    device, boot = tmp_path / "device", tmp_path / "boot"
    device.mkdir()
    boot.mkdir()
    archive = as_archive(device_files(config(tmp_path), [tmp_path / "bundles/brightness"]))
    files = first_boot_files(StockSystem.UBUNTU, HOST, UNIT, b"package", archive)
    for name, data in files.items():
        (boot / name).write_bytes(data)
    dpkg = recorder(tmp_path / "dpkg")
    recorder(tmp_path / "systemctl")
    script = installer(UNIT).replace("--directory /", f"--directory {device}")
    (boot / "install.sh").write_text(script)

    subprocess.run(
        ["sh", boot / "install.sh", "start"], check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip

    assert Path(f"{dpkg}.log").read_text().splitlines() == ["--install", PACKAGE]
    assert (device / "etc/edge-runtime/porch.toml").is_file()
    assert not {ARCHIVE, PACKAGE, SUMS} & {path.name for path in boot.iterdir()}
    systemctl = (tmp_path / "systemctl.log").read_text().split()
    assert systemctl == ["daemon-reload", "start", "--no-block", UNIT]


def test_the_installer_stops_at_a_damaged_package(tmp_path: Path) -> None:
    dpkg = recorder(tmp_path / "dpkg")
    for name, data in files_for(StockSystem.UBUNTU).items():
        (tmp_path / name).write_bytes(b"damaged" if name == PACKAGE else data)

    ended = subprocess.run(
        ["sh", tmp_path / "edge-runtime-install.sh"], check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )  # fmt: skip

    assert ended.returncode != 0
    assert not Path(f"{dpkg}.log").exists()
    assert "FAILED" in (tmp_path / "edge-runtime-install.log").read_text()


def test_the_sums_are_those_of_the_files() -> None:
    files = files_for(StockSystem.RASPIOS_BOOKWORM)

    assert files[SUMS].decode().splitlines() == [
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in (PACKAGE, ARCHIVE)
    ]
    assert list(files)[-1] == "firstrun.sh"  # what triggers comes after what it needs


def test_a_second_kit_replaces_the_firsts_trigger() -> None:
    once = with_run_once(b"console=tty1 init=/usr/lib/raspberrypi-sys-mods/firstboot quiet\n")

    assert with_run_once(once) == once
    assert once.count(b"systemd.run=") == 1
    assert b"init=/usr/lib/raspberrypi-sys-mods/firstboot quiet systemd.run=" in once


@pytest.mark.parametrize(
    ("name", "user", "key", "message"),
    [
        ("Porch", "edge", KEY, "host name 'Porch'"),
        ("porch-", "edge", KEY, "host name"),
        ("porch", "root user", KEY, "user 'root user'"),
        ("porch", "edge", "-----BEGIN OPENSSH PRIVATE KEY-----", "SSH key"),
        ("porch", "edge", "ssh-ed25519", "SSH key"),
    ],
)
def test_names_and_keys_that_linux_would_not_take_are_refused(
    name: str, user: str, key: str, message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        checked_host(name, Person(user, (key,)), None)


def test_a_good_host_is_taken() -> None:
    network = wifi("home", "password", "DE")

    assert checked_host("porch", Person("edge", (KEY,)), network).wifi == network


def test_each_system_names_its_release() -> None:
    assert [system.release for system in StockSystem] == ["bookworm", "trixie", "noble"]
