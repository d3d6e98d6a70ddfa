"""The whole daemon as a process of its own, as systemd would start it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.broker.mosquitto import eventually
from tests.edge_runtime.bundles import brightness_bundle

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
models_dir = "models"
[device]
id = "{device}"
site = "test"
[mqtt]
host = "127.0.0.1"
port = {port}
will_delay_s = 0
reconnect_max_s = 1
{mqtt}
[outbox]
max_loss_window_s = {window_s}
{outbox}
[health]
interval_s = 1
"""
PIPELINE = """
[[pipeline]]
name = "{name}"
model = "brightness"
engine = "{engine}"
publish = {{ predictions = "all", keep = "all", max_rate_hz = 0 }}
[pipeline.source]
kind = "synthetic"
rate_hz = {rate_hz}
{source}
"""


class DaemonProcess:
    """`python -m edge_runtime run`, with a notify socket to hear what systemd would hear."""

    def __init__(
        self, directory: Path, port: int, *, pipelines: tuple[str, ...] = ("door",),
        rate_hz: float = 50.0, window_s: float = 0.0, source: str = "", mqtt: str = "",
        engine: str = "onnx", arguments: tuple[str, ...] = (), more: str = "",
        outbox: str = "", environment: dict[str, str] | None = None,
        state: Path | None = None, device: str = "pi-1",
    ) -> None:  # fmt: skip
        directory.mkdir(exist_ok=True)
        if not (directory / "models").exists():
            (directory / "models").mkdir()
            brightness_bundle(directory / "models")
        self.state = state or directory / "state"
        self.log_path = directory / "daemon.log"
        self.config = directory / "config.toml"
        settings = {"port": port, "window_s": window_s, "mqtt": mqtt, "outbox": outbox}
        text = CONFIG.format(device=device, **settings)
        for name in pipelines:
            text += PIPELINE.format(name=name, rate_hz=rate_hz, source=source, engine=engine)
        text += more
        self.config.write_text(text)
        self._arguments = arguments
        self._environment = environment or {}
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind("\0" + f"edge-{os.getpid()}-{id(self)}")
        self._notify.setblocking(False)
        self.notified: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "DaemonProcess":
        address = "@" + self._notify.getsockname()[1:].decode()
        environment = {
            **os.environ,
            "STATE_DIRECTORY": str(self.state),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": "3000000",
            "ORT_DISABLE_TELEMETRY": "1",
            **self._environment,
        }
        environment.pop("WATCHDOG_PID", None)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_runtime", "run", str(self.config), *self._arguments],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def wait_ready(self, deadline_s: float = 60.0) -> "DaemonProcess":
        try:
            eventually(lambda: "READY=1" in self.heard(), "READY=1", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; log: {self.log()[-2000:]}") from error
        return self

    def heard(self) -> list[str]:
        while True:
            try:
                self.notified.append(self._notify.recv(4096).decode())
            except BlockingIOError:
                return self.notified

    def forget_broken_starts(self) -> None:
        """For tests that kill it again and again: safe mode is not what they look at."""
        (self.state / "starts").unlink(missing_ok=True)

    def stop(self, deadline_s: float = 15.0) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(deadline_s)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def close(self) -> None:
        self.kill()
        self._notify.close()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def workers(self) -> list[int]:
        """The pids of the daemon's workers: its children that load a model."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for task in tasks for pid in _read_while_it_lives(task).split()]
        commands = ((pid, _read_while_it_lives(Path(f"/proc/{pid}/cmdline"))) for pid in pids)
        return [pid for pid, command in commands if b"spawn_main" in command]


def _read_while_it_lives(file: Path) -> bytes:
    """Read a file of /proc, empty when its process or thread has just ended."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
