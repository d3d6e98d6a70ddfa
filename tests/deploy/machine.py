"""A Debian that boots in a container of its own, and commands run inside of it."""

import subprocess
import time
from pathlib import Path

from tests.broker.mosquitto import eventually

BOOT_S = 120.0


class Machine:
    """A root file system booted by systemd-nspawn; it shares the host's network.

    Commands enter the namespaces of its first process: no bus and no registration is needed.
    """

    def __init__(self, root: Path, shares: tuple[tuple[Path, str], ...] = ()) -> None:
        self.root = root
        self._shares = shares
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self.boot_s = 0.0

    def start(self) -> "Machine":
        binds = [f"--bind-ro={host}:{inside}" for host, inside in self._shares]
        began = time.monotonic()
        self._nspawn = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", "--directory", str(self.root), "--boot",
                "--console=pipe", "--register=no", "--keep-unit", *binds,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(self._is_up, "the machine boots", BOOT_S)
        self.boot_s = time.monotonic() - began
        return self

    def run(self, *command: str, timeout_s: float = 240.0) -> str:
        """Return what a command inside writes; a failure raises with what it said."""
        done = self.attempt(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def attempt(
        self, *command: str, timeout_s: float = 240.0
    ) -> "subprocess.CompletedProcess[str]":
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--pid"]
        environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"]
        environment.append("DEBIAN_FRONTEND=noninteractive")
        return subprocess.run(
            [*enter, "--cgroup", "--root", "--wd=/", "env", "-i", *environment, *command],
            capture_output=True, text=True, check=False, timeout=timeout_s,
        )  # fmt: skip

    def journal(self, unit: str) -> str:
        return self.attempt("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        path = self.root / inside.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def stop(self) -> None:
        if self._nspawn is None:
            return
        if self._leader:
            self.attempt("systemctl", "--no-block", "poweroff")
        try:
            self._nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(10)

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, "systemd-nspawn has ended"
        self._leader = _first_process(self._nspawn.pid)
        if not self._leader:
            return False
        state = self.attempt("systemctl", "is-active", "multi-user.target", timeout_s=30)
        return state.stdout.strip() == "active"


def _first_process(nspawn: int) -> int:
    """Return the pid, here, of the process that is 1 in a namespace below `nspawn`; 0: none yet."""
    for pid in _descendants(nspawn):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            is_systemd = "systemd" in Path(f"/proc/{pid}/exe").readlink().name
        except OSError:
            continue
        (names,) = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid")]
        if len(names) > 1 and names[-1] == "1" and is_systemd:
            return pid
    return 0


def _descendants(pid: int) -> list[int]:
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    children = [int(word) for word in words]
    return children + [below for child in children for below in _descendants(child)]
