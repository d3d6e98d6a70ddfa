"""What `edge-runtime run` does: configuration, broker, daemon, in this order."""

import logging
from pathlib import Path

from edge_runtime.app import Daemon, RunOptions
from edge_runtime.config.credentials import with_credentials
from edge_runtime.config.loading import load_config, read_environment

logger = logging.getLogger(__name__)


EXIT_RESTART = 75  # the unit's RestartForceExitStatus=


def run_daemon(path: Path, *, until_finished: bool) -> int:
    """Run until a signal, or until all is finished and delivered; the stop signals are held back.

    Returns:
        The process's exit code: 0, or EXIT_RESTART where a command asked for that.

    Raises:
        EdgeRuntimeError: The configuration or every model is unusable.
    """
    environment = read_environment()
    config = with_credentials(load_config(path), environment.credentials_directory)
    if config.mqtt.host is not None:
        with Daemon(config, environment, RunOptions(until_finished)) as daemon:
            daemon.run()
        return EXIT_RESTART if daemon.wants_restart else 0
    from edge_runtime.mqtt.embedded_broker import EmbeddedBroker  # noqa: PLC0415 - brings asyncio

    broker = EmbeddedBroker(config.mqtt.port)
    broker.start()
    logger.warning(
        "no mqtt.host: embedded broker on 127.0.0.1:%d, for trials only (no accounts, no TLS, "
        "nothing survives it)", broker.port,
    )  # fmt: skip
    try:
        with Daemon(config, environment, RunOptions(until_finished, broker.port)) as daemon:
            daemon.run()
        return EXIT_RESTART if daemon.wants_restart else 0
    finally:
        broker.stop()
