"""What `edge-runtime run` does: configuration, broker, daemon, in this order."""

import logging
from pathlib import Path

from edge_runtime.app import Daemon, RunOptions
from edge_runtime.config import load_config, read_environment

logger = logging.getLogger(__name__)


def run_daemon(path: Path, *, until_finished: bool) -> None:
    """Run until a signal, or until all is finished and delivered; the stop signals are held back.

    Raises:
        EdgeRuntimeError: The configuration or every model is unusable.
    """
    config = load_config(path)
    environment = read_environment()
    if config.mqtt.host is not None:
        with Daemon(config, environment, RunOptions(until_finished)) as daemon:
            daemon.run()
        return
    from edge_runtime.embedded_broker import EmbeddedBroker  # noqa: PLC0415 - brings asyncio

    broker = EmbeddedBroker(config.mqtt.port)
    broker.start()
    logger.warning(
        "no mqtt.host: embedded broker on 127.0.0.1:%d, for trials only (no accounts, no TLS, "
        "nothing survives it)", broker.port,
    )  # fmt: skip
    try:
        with Daemon(config, environment, RunOptions(until_finished, broker.port)) as daemon:
            daemon.run()
    finally:
        broker.stop()
