"""A real mosquitto on a free loopback port, and a subscriber that writes down what it hears."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.ports import free_port

DEADLINE_S = 20.0


def eventually(holds: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s: {what}")
        pause.wait(0.02)


class Mosquitto:
    """One broker process, ended by its pid; the port stays the same over restarts."""

    def __init__(self, directory: Path, *lines: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = directory / f"mosquitto-{self.port}.conf"
        store = directory / f"store-{self.port}"
        store.mkdir()
        store.chmod(0o777)
        directory.chmod(0o755)
        self._log = directory / f"mosquitto-{self.port}.log"
        text = [f"listener {self.port} 127.0.0.1", *lines]
        if not any("allow_anonymous" in line for line in lines):
            text.append("allow_anonymous true")
        text += ["persistence true", f"persistence_location {store}/", "autosave_interval 1"]
        text += ["autosave_on_changes true"]
        # Without a limit on what is in flight mosquitto hands a message to its subscriber's socket
        # before it acknowledges it; with one it may keep it in memory, and a kill loses it there.
        text += ["max_inflight_messages 0", "max_queued_messages 0", "user root"]
        self._config.write_text("\n".join(text) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
        assert program is not None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-c", str(self._config), "-v"], stdout=log, stderr=log
            )
        eventually(self._answers, f"mosquitto on port {self.port}: {self._log.read_text()[-500:]}")

    def stop(self) -> None:
        self._end("terminate")

    def kill(self) -> None:
        self._end("kill")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _end(self, how: str) -> None:
        if self.process is not None:
            getattr(self.process, how)()
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5):
                return True
        except OSError:
            return False


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Properties | None

    @property
    def user(self) -> dict[str, str]:
        return dict(getattr(self.properties, "UserProperty", []))


class Listener:
    """A subscriber with a session that outlives the broker's restarts."""

    def __init__(self, port: int, topic: str = "#", client_id: str = "listener") -> None:
        self.heard: list[Heard] = []
        self._topic = topic
        self._subscribed = threading.Event()
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, 30, clean_start=False, properties=properties)
        self.client.loop_start()
        assert self._subscribed.wait(DEADLINE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def on(self, suffix: str) -> list[Heard]:
        return [heard for heard in list(self.heard) if heard.topic.endswith(suffix)]

    def texts(self, suffix: str) -> list[str]:
        return [heard.payload.decode() for heard in self.on(suffix)]

    def wait_for(self, suffix: str, count: int = 1, deadline_s: float = DEADLINE_S) -> list[Heard]:
        eventually(
            lambda: len(self.on(suffix)) >= count,
            f"{count} messages on {suffix}; heard {[h.topic for h in self.heard][-20:]}",
            deadline_s,
        )
        return self.on(suffix)

    def newest(self, suffix: str) -> Heard:
        """Waits for the first: a retained topic may be heard later than what followed it."""
        return self.wait_for(suffix)[-1]

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe(self._topic, options=SubscribeOptions(qos=1, retainAsPublished=True))

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self.heard.append(
            Heard(
                message.topic, bytes(message.payload), message.qos, message.retain,
                message.properties,
            )
        )  # fmt: skip
