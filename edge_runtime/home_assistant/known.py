"""What Home Assistant may know of this device: a small file beside the outbox."""

import logging
from pathlib import Path

import msgspec

from edge_runtime.config.values import Name
from edge_runtime.home_assistant.components import Platform
from edge_runtime.host.durable import replace_file

logger = logging.getLogger(__name__)

FILE_NAME = "home-assistant.json"


class Known(msgspec.Struct, frozen=True):
    """The device it was described as, and the platform of each of its components."""

    device: Name
    platforms: dict[str, Platform]


def read_known(path: Path) -> Known | None:
    """Return what the file holds; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Known)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        logger.warning("%s: %s: entities that are gone stay in Home Assistant", path, error)
        return None


def write_known(path: Path, known: Known | None) -> None:
    """Replace the file, or delete it where nothing is known any more."""
    try:
        if known is None:
            path.unlink(missing_ok=True)
            return
        replace_file(path, msgspec.json.encode(known))
    except OSError as error:
        logger.warning("%s: %s: entities that are gone may stay in Home Assistant", path, error)
