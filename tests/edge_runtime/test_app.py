"""The composition root stays small, and tells at once what cannot be put together."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.config.loading import Environment, decode_config
from edge_runtime.config.structs import MqttConfig, OutboxConfig
from edge_runtime.config.values import TlsConfig
from edge_runtime.errors import BundleError, ConfigError
from edge_runtime.host.lock import DeviceLock
from edge_runtime.mqtt.topics import Topics
from edge_runtime.part_settings import outbox_settings, session_settings, worker_plans
from edge_runtime.supervisor.bulletins import Identity

BANNED = (
    *("numpy", "cv2", "onnx", "onnxruntime", "ai_edge_litert", "amqtt", "asyncio"),
    *("flask", "werkzeug", "waitress", "prometheus_client"),
)
IDENTITY = Identity("home", "pi-1", "b00t")
TOPICS = Topics("home", "pi-1")


def test_the_supervisor_loads_neither_engines_nor_arrays() -> None:
    code = "import sys, edge_runtime.run; print(*sys.modules)"

    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert set(BANNED) & set(outcome.stdout.split()) == set()


def test_settings_come_from_the_configuration(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    mqtt = MqttConfig(
        host="broker", tls=TlsConfig(ca="ca.pem"), username="u", password_file=str(secret),
        in_flight=7, puback_timeout_s=3.0, reconnect_max_s=9.0, protocol="5",
    )  # fmt: skip

    settings = session_settings(mqtt, IDENTITY, TOPICS, None)

    assert (settings.broker.port, settings.broker.client_id) == (8883, "pi-1")
    will = settings.broker.will()
    assert (will.topic, will.payload, will.retain) == ("edge/v1/home/pi-1/status", b"offline", True)
    assert settings.broker.tls.ca == Path("ca.pem")
    assert (settings.exchange.window, settings.exchange.answer_deadline_s) == (7, 3.0)
    assert (settings.backoff.max_s, settings.protocol) == (9.0, "5")
    secret.write_text("second\n")
    assert settings.broker.password() == "second"


def test_without_a_host_the_embedded_broker_is_used_or_missed() -> None:
    settings = session_settings(MqttConfig(), IDENTITY, TOPICS, 4711)
    assert (settings.broker.host, settings.broker.port) == ("127.0.0.1", 4711)

    with pytest.raises(ConfigError, match="no host"):
        session_settings(MqttConfig(), IDENTITY, TOPICS, None)


def test_the_outbox_has_the_configured_bounds(tmp_path: Path) -> None:
    config = OutboxConfig(max_bytes=1 << 20, max_messages=99, max_age_s=5.0, max_loss_window_s=1.0)

    settings = outbox_settings(config, Environment(tmp_path, None, None, None))

    assert (settings.max_bytes, settings.max_rows) == (1 << 20, 99)
    assert (settings.max_age_s, settings.max_loss_window_s) == (5.0, 1.0)


def test_a_model_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    text = '[device]\nid = "pi"\n[[pipeline]]\nname = "a"\nmodel = "nobody"\n'
    config = decode_config(text + '[pipeline.source]\nkind = "synthetic"\n')

    with pytest.raises(BundleError, match="nobody"):
        worker_plans(config, tmp_path, "b00t", tmp_path / "recordings")


def test_a_directory_belongs_to_one_daemon(tmp_path: Path) -> None:
    lock = DeviceLock(tmp_path / "daemon.lock")

    with pytest.raises(ConfigError, match="another daemon"):
        DeviceLock(tmp_path / "daemon.lock")
    lock.release()
    DeviceLock(tmp_path / "daemon.lock").release()
    with pytest.raises(ConfigError, match="File exists"):
        DeviceLock(tmp_path / "daemon.lock" / "x")


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_state_directory_that_cannot_be_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=rf"state directory .*{place}: cannot be written"):
        DeviceLock(tmp_path / place / "daemon.lock")


def test_a_stage_is_kept_where_systemd_keeps_memory(tmp_path: Path) -> None:
    config = OutboxConfig(stage=True, strict=True, max_written_mb_per_day=50)

    settings = outbox_settings(config, Environment(tmp_path, None, None, None, tmp_path / "run"))

    assert settings.pending.stage == tmp_path / "run" / "stage"
    assert (settings.is_strict, settings.written_per_day) == (True, 50e6)
    with pytest.raises(ConfigError, match=r"outbox.stage: no \$RUNTIME_DIRECTORY"):
        outbox_settings(config, Environment(tmp_path, None, None, None))
