"""Signed commands and wishes through a real broker: what changes a device needs the fleet's key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.remote.signing import Terms, signed_command
from tests.broker.daemon import DaemonProcess
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.edge_runtime.remote.keys import key_files

pytestmark = pytest.mark.broker

ROOT = "edge/v1/test/pi-1"
TERMS = Terms("ops", "pi-1", 60.0)


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto) -> Iterator[DaemonProcess]:
    _, public = key_files(tmp_path)
    process = DaemonProcess(
        tmp_path / "daemon", broker.port, more=f'[commands]\nfleet_key_file = "{public}"'
    )
    yield process.start().wait_ready()
    process.close()


def replies(listener: Listener, verb: str) -> list[dict[str, object]]:
    return [json.loads(text) for text in listener.texts(f"reply/{verb}")]


def test_n10_a_signed_command_works_once(
    daemon: DaemonProcess, listener: Listener, tmp_path: Path
) -> None:
    envelope = signed_command("pause", '{"pipeline":"door"}', tmp_path / "fleet.key", TERMS)

    listener.client.publish(f"{ROOT}/cmd/pause", '{"pipeline":"door"}', 1)
    listener.client.publish(f"{ROOT}/cmd/pause", envelope, 1)
    listener.client.publish(f"{ROOT}/cmd/pause", envelope, 1)
    eventually(lambda: len(replies(listener, "pause")) == 3, "three answers")

    unsigned, first, again = replies(listener, "pause")
    assert (unsigned["ok"], first["ok"], again["ok"]) == (False, True, False)
    assert "signed commands only" in str(unsigned["error"])
    assert "is used" in str(again["error"])
    eventually(lambda: listener.texts("door/source")[-1:] == ["disabled"], "paused")


def test_a_wish_outlives_the_daemon_and_is_reported(
    daemon: DaemonProcess, listener: Listener, tmp_path: Path
) -> None:
    wish = '{"version":7,"pipelines":{"door":{"paused":true}}}'
    envelope = signed_command("cfg/desired", wish, tmp_path / "fleet.key", TERMS)
    listener.client.publish(f"{ROOT}/cfg/desired", envelope, 1, retain=True)
    eventually(lambda: _reported(listener).get("version") == 7, "the report")

    listener.client.publish(f"{ROOT}/cfg/desired", wish, 1, retain=True)
    eventually(lambda: _reported(listener).get("error") is not None, "the refusal")
    listener.client.publish(f"{ROOT}/cfg/desired", envelope, 1, retain=True)
    eventually(lambda: _reported(listener).get("error") is None, "the wish again")
    daemon.kill()
    listener.heard.clear()
    daemon.notified.clear()
    daemon.start().wait_ready()

    eventually(lambda: _reported(listener).get("version") == 7, "the report after the restart")
    assert _reported(listener)["pipelines"] == {"door": {"paused": True}}
    eventually(lambda: listener.texts("door/source")[-1:] == ["disabled"], "still paused")


def test_a_restart_ends_in_good_order_with_its_own_exit_code(
    daemon: DaemonProcess, listener: Listener, tmp_path: Path
) -> None:
    envelope = signed_command("restart", "{}", tmp_path / "fleet.key", TERMS)

    listener.client.publish(f"{ROOT}/cmd/restart", envelope, 1)

    assert daemon.process is not None
    assert daemon.process.wait(20) == 75
    eventually(lambda: listener.texts("/status")[-1:] == ["stopped"], "the death")


def _reported(listener: Listener) -> dict[str, object]:
    texts = listener.texts("cfg/reported")
    return json.loads(texts[-1]) if texts else {}
