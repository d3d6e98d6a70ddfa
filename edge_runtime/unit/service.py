"""The text of the unit: what every daemon gets, and what this configuration adds.

Source: systemd.service(5), systemd.exec(5), systemd.resource-control(5).
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.config.structs import Config
from edge_runtime.errors import ConfigError
from edge_runtime.unit.needs import Needs, needs_of

INSTALLED = Path("/opt/edge-runtime/bin/edge-runtime")
HIDDEN = tuple(Path(place) for place in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108

_LIFE = """\
Type=notify
NotifyAccess=main
Environment=ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
WatchdogSec=30
TimeoutStartSec=180
TimeoutStopSec=15
KillMode=mixed
Restart=on-failure
RestartSec=2
RestartForceExitStatus=75
# 2 is a wrong command line: no restart cures it.
RestartPreventExitStatus=2
"""

_HARDENING = """\
DynamicUser=yes
StateDirectoryMode=0700
UMask=0077
OOMPolicy=continue

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
PrivateUsers=yes
PrivateMounts=yes
ProtectSystem=strict
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
# Not ProcSubset=pid: health reads /proc/stat, /proc/meminfo and /proc/pressure.
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
# ONNX Runtime calls mbind and sched_setaffinity, which are in @resources, while it is imported:
# that group stays allowed, and what is refused fails with EPERM instead of killing the process.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True, slots=True)
class Program:
    """How the daemon is started.

    Attributes:
        words: Before `run`; the first one is an absolute path.
        places: Directories that it is loaded from.
    """

    words: tuple[str, ...]
    places: tuple[Path, ...]


def unit_text(config: Config, path: Path, program: Program) -> str:
    """Return the unit that runs a configuration with exactly what it needs.

    Args:
        config: What `path` says.
        path: Absolute; the unit names it.
        program: What it starts.

    Raises:
        ConfigError: A path that no unit can name.
    """
    needs = needs_of(config)
    command = " ".join(_quoted(word) for word in (*program.words, "run", str(path)))
    readable = (path, *program.places, *needs.files)
    return "\n".join(
        [
            f"# Made by `edge-runtime unit` for the device {config.device.id}.",
            *_unit_section(config),
            "[Service]",
            f"ExecStart={command}",
            _LIFE,
            f"StateDirectory=edge-runtime/{config.device.id}",
            *_stage(config),
            _HARDENING,
            *_home(readable),
            *_devices(needs),
            *_compiler(needs),
            *_addresses(needs),
            *(f"LoadCredential={name}:{_plain(file)}" for name, file in needs.credentials),
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def this_program() -> Program:
    """Return how the process that asks was started itself.

    The Debian package starts a script that knows where its libraries are; Python alone does not.
    """
    if INSTALLED.is_file() and Path(sys.argv[0]).resolve() == INSTALLED:
        return Program((str(INSTALLED),), ())
    places = tuple(Path(place) for place in dict.fromkeys((sys.prefix, sys.base_prefix)))
    return Program((sys.executable, "-m", "edge_runtime"), places)


def _unit_section(config: Config) -> Iterator[str]:
    waits = [] if config.mqtt.host is None else ["network-online.target"]
    yield "[Unit]"
    yield f"Description=edge-runtime: inference and MQTT for {config.device.id}"
    yield from (f"Wants={target}" for target in waits)
    yield f"After={' '.join([*waits, 'time-sync.target'])}"
    yield "# More starts than the daemon's own safe mode needs to come down to health alone."
    yield "StartLimitIntervalSec=600"
    yield "StartLimitBurst=10"
    yield ""


def _home(readable: Iterable[Path]) -> Iterator[str]:
    """Hide what people and other services keep, but for what is named."""
    hidden = [path for path in readable if any(path.is_relative_to(place) for place in HIDDEN)]
    yield "ProtectHome=tmpfs" if hidden else "ProtectHome=yes"
    yield from (f"BindReadOnlyPaths={_plain(path)}" for path in dict.fromkeys(hidden))


def _stage(config: Config) -> Iterator[str]:
    if config.outbox.stage:
        yield f"RuntimeDirectory=edge-runtime-{config.device.id}"
        yield "RuntimeDirectoryPreserve=restart"


def _devices(needs: Needs) -> Iterator[str]:
    if not needs.devices:
        yield "PrivateDevices=yes"
        return
    yield "PrivateDevices=no"
    yield "DevicePolicy=closed"
    yield from (f"DeviceAllow={device}" for device in needs.devices)
    if needs.groups:
        yield f"SupplementaryGroups={' '.join(needs.groups)}"
    if needs.writes_sysfs:
        yield "# A sensor's switches are files below /sys (docs/sources.md: who may write them)."
        yield "ProtectKernelTunables=no"


def _compiler(needs: Needs) -> Iterator[str]:
    if needs.compiles:
        yield "# The engine compiles its kernels while it runs."
        yield "MemoryDenyWriteExecute=no"


def _addresses(needs: Needs) -> Iterator[str]:
    if needs.addresses is not None:
        yield "IPAddressDeny=any"
        yield f"IPAddressAllow={' '.join(needs.addresses)}"


def _plain(path: Path) -> str:
    """Return a path for a list of paths, where a space or a colon would begin the next one."""
    text = str(path)
    if any(letter in text for letter in " \t\n:\"'\\%"):
        raise ConfigError(f"{text}: a unit cannot name a path with spaces, colons, quotes or '%'")
    return text


def _quoted(word: str) -> str:
    """Return a word of a command line: quoted where it must be, '%' and '$' taken literally.

    Source: systemd.service(5), "COMMAND LINES".
    """
    if "\n" in word:
        raise ConfigError(f"{word!r}: a unit cannot name a path with a line break")
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if any(letter in text for letter in " \t'\"\\;") else text
