"""What the first boot of a stock system runs, by system: files of its FAT boot partition.

Source: Raspberry Pi OS 12: raspberrypi-sys-mods' imager_custom and systemd-run-generator(8);
Raspberry Pi OS 13 and Ubuntu: cloud-init's NoCloud, seeded from the boot partition. YAML that is
JSON needs no quoting of our own.
"""

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from edge_runtime.errors import ImageError
from edge_runtime.image.wifi import Wifi

PACKAGE, ARCHIVE, INSTALLER, SUMS = (
    "edge-runtime.deb",
    "edge-runtime.tar",
    "edge-runtime-install.sh",
    "edge-runtime.sha256",
)
COMMAND_LINE, FIRST_RUN = "cmdline.txt", "firstrun.sh"
MOUNTED_AT = "/boot/firmware"
RUN_ONCE = (
    f" systemd.run={MOUNTED_AT}/{FIRST_RUN} systemd.run_success_action=reboot"
    " systemd.unit=kernel-command-line.target"
)


class StockSystem(StrEnum):
    """A system that others publish images of."""

    RASPIOS_BOOKWORM = "raspios-bookworm"
    RASPIOS_TRIXIE = "raspios-trixie"
    UBUNTU = "ubuntu"

    @property
    def release(self) -> str:
        """Return the release that the package has to be built for."""
        match self:
            case StockSystem.RASPIOS_BOOKWORM:
                return "bookworm"
            case StockSystem.RASPIOS_TRIXIE:
                return "trixie"
            case StockSystem.UBUNTU:
                return "noble"
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class Person:
    """Who may log in: by SSH key, without a password.

    Attributes:
        ssh_keys: Lines as in authorized_keys; none: nobody may.
    """

    name: str
    ssh_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """What makes one card's system differ from the next one's."""

    name: str
    person: Person
    wifi: Wifi | None = None


def checked_host(name: str, person: Person, wifi: Wifi | None) -> Host:
    """Return the host, once its names are such as Linux takes.

    Raises:
        ImageError: A host name, user or key that would be refused at the first boot.
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise ImageError(f"host name {name!r}: allowed are a-z, 0-9 and inner '-', at most 63")
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", person.name):
        raise ImageError(f"user {person.name!r}: allowed are a-z, 0-9, '_' and '-', at most 32")
    for key in person.ssh_keys:
        if not re.fullmatch(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n\x00]*)?", key):
            raise ImageError(f"SSH key {key[:30]!r}…: allowed is one public key a line")
    return Host(name, person, wifi)


def first_boot_files(
    system: StockSystem, host: Host, unit: str, package: bytes, archive: bytes
) -> dict[str, bytes]:
    """Return the files of the boot partition by name, in the order of writing; triggers come last.

    Args:
        system: Which first boot they are for.
        host: Names, keys, network.
        unit: The daemon's.
        package: The Debian package's bytes.
        archive: The device's files, to be unpacked in `/`.
    """
    payload = {PACKAGE: package, ARCHIVE: archive}
    sums = "".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n" for n, d in payload.items())
    files = {**payload, SUMS: sums.encode(), INSTALLER: installer(unit).encode()}
    match system:
        case StockSystem.RASPIOS_BOOKWORM:
            return files | {FIRST_RUN: first_run(host).encode()}
        case StockSystem.RASPIOS_TRIXIE:
            return files | _cloud_init(host, archive, {"enable_ssh": bool(host.person.ssh_keys)})
        case StockSystem.UBUNTU:
            return files | _cloud_init(host, archive, {})
        case _:
            assert_never(system)


def with_run_once(command_line: bytes) -> bytes:
    """Return the kernel's command line that runs firstrun.sh at the next boot only."""
    text = command_line.decode("utf-8", "surrogateescape").rstrip("\n")
    text = re.sub(r" systemd\.(run|run_success_action|unit)=\S*", "", text)
    return (text + RUN_ONCE + "\n").encode("utf-8", "surrogateescape")


def installer(unit: str) -> str:
    """Return the script that installs package and files, once, and removes the secrets here."""
    return f"""#!/bin/sh
# Made by `edge-runtime image kit`: installs the daemon and this device's files, once.
# With the word "start" the daemon is started, too; else the next boot does.
set -eu
cd "$(dirname "$0")"
exec >>edge-runtime-install.log 2>&1
sha256sum --check {SUMS}
dpkg --install {PACKAGE}
tar --extract --file {ARCHIVE} --directory / --keep-directory-symlink
rm -f {ARCHIVE} {PACKAGE} {SUMS}
if [ "${{1:-}}" = start ]; then
    systemctl daemon-reload
    systemctl start --no-block {shlex.quote(unit)}
fi
echo done
"""


def first_run(host: Host) -> str:
    """Return firstrun.sh of Raspberry Pi OS 12; it takes itself out of the boot before all else."""
    name, user = shlex.quote(host.name), shlex.quote(host.person.name)
    keys = "\n".join(host.person.ssh_keys)
    lines = [
        "#!/bin/sh",
        "# Made by `edge-runtime image kit`: runs once. A step that fails is told in the log, and",
        "# does not keep the system from booting.",
        f"cd {MOUNTED_AT} || exit 0",
        "exec >>edge-runtime-install.log 2>&1",
        f"sed -i 's| systemd\\.run=.*||' {COMMAND_LINE}",
        "custom=/usr/lib/raspberrypi-sys-mods/imager_custom",
        f"$custom set_hostname {name} || echo {name} >/etc/hostname",
    ]
    if keys:
        lines += [
            f"$custom enable_ssh -k {shlex.quote(keys)} || echo 'SSH key: not set'",
            f"/usr/lib/userconf-pi/userconf {user} '*' || echo 'user: not renamed'",
        ]
    if host.wifi is not None:
        words = shlex.join([host.wifi.ssid, host.wifi.key, host.wifi.country])
        lines.append(f"$custom set_wlan {words} || echo 'Wi-Fi: not set'")
    lines += [f"sh ./{INSTALLER} || echo 'edge-runtime: not installed'", f"rm -f {FIRST_RUN}"]
    return "\n".join([*lines, "exit 0", ""])


def _cloud_init(host: Host, archive: bytes, more: dict[str, Any]) -> dict[str, bytes]:
    user_data = {
        "hostname": host.name,
        "manage_etc_hosts": True,
        "ssh_pwauth": False,
        **more,
        "runcmd": [["sh", f"{MOUNTED_AT}/{INSTALLER}", "start"]],
    }
    if host.person.ssh_keys:
        user_data["users"] = [_user(host.person)]
    # Another kit on the same card is another instance, so that cloud-init runs again.
    seed = json.dumps([user_data, host.name]).encode() + archive
    instance = f"{host.name}-{hashlib.sha256(seed).hexdigest()[:16]}"
    return {
        "network-config": _json(_network(host.wifi)),
        "user-data": b"#cloud-config\n" + _json(user_data),
        "meta-data": _json({"instance-id": instance, "dsmode": "local"}),
    }


def _user(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "groups": "adm,dialout,video,audio,plugdev,sudo",
        "shell": "/bin/bash",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": list(person.ssh_keys),
    }


def _network(network: Wifi | None) -> dict[str, Any]:
    wired = {"match": {"name": "e*"}, "dhcp4": True, "optional": True}
    config: dict[str, Any] = {"version": 2, "ethernets": {"wired": wired}}
    if network is not None:
        config["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": network.country,
                "access-points": {network.ssid: {"password": network.key}},
            }
        }
    return {"network": config}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
