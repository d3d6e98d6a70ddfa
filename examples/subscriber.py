"""A subscriber as a plant operator would write it: prints what arrives, counts it."""

import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Self

import paho.mqtt.client as mqtt

CONNECT_S = 30.0
PRINTED = 5  # of each pipeline, in full; the rest is counted


@dataclass(frozen=True)
class Received:
    """How many messages came."""

    predictions: int
    health: int


class Subscriber:
    """Listens from `with` to its end, on a thread of paho's."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._printed: dict[str, int] = {}
        self._predictions = self._health = 0
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("edge/v1/#", qos=1)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        self._connecting = threading.Thread(target=self._connect, name="subscriber")

    def __enter__(self) -> Self:
        self._connecting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.join()
        self._client.loop_stop()
        self._client.disconnect()

    def received(self) -> Received:
        """Return what came so far."""
        return Received(self._predictions, self._health)

    def _connect(self) -> None:
        deadline = time.monotonic() + CONNECT_S
        while time.monotonic() < deadline:
            try:
                self._client.connect(*self._address, keepalive=30)
            except OSError:
                time.sleep(0.05)  # the embedded broker starts with the daemon
            else:
                self._client.loop_start()
                return

    def _take(self, message: mqtt.MQTTMessage) -> None:
        text = self._text(message)
        count = self._printed[message.topic] = self._printed.get(message.topic, 0) + 1
        if text is not None and count <= PRINTED:
            print(f"{message.topic:38} {text}", flush=True)

    def _text(self, message: mqtt.MQTTMessage) -> str | None:
        """Return one line for a message, None for those that the tour leaves out."""
        place = message.topic.rsplit("/", 1)[-1]
        if place in {"status", "source"}:
            return message.payload.decode()
        content = json.loads(message.payload)
        if place == "event" and content["change"] == "sample":
            self._predictions += 1
            return prediction_line(content)
        if place == "health":
            self._health += 1
            return health_line(content)
        return None


def prediction_line(content: dict[str, Any]) -> str:
    """Return what the model said of one frame."""
    first = content["results"][0]
    said = (
        f"{first['label']} ({first['score']:.2f})"
        if content["kind"] == "classification"
        else f"{first['name']} = {first['value']:.1f}"
    )
    about = content.get("label") or f"row {content['frame']}"
    return f"seq {content['seq']:3}  {about:20} -> {said:16} {content['age_ms']:5.1f} ms old"


def health_line(content: dict[str, Any]) -> str:
    """Return the daemon's state in a line."""
    parts = [f"{content['status']}, up {content['uptime_s']:.0f} s"]
    parts += [f"{each['name']} {each['source']['state']}" for each in content["pipelines"]]
    return ", ".join(parts)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
