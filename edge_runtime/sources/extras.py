"""Libraries that only some sources need, imported when such a source opens."""

import importlib
from typing import Any

from edge_runtime.errors import SourceError

SYSTEM_PACKAGES = {"sounddevice": "libportaudio2"}


def needed(module: str, extra: str) -> Any:
    """Return an optional module.

    Raises:
        SourceError: It is not installed, or what it needs is not; says what brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SourceError(
            f"{module} is not installed: pip install 'edge-runtime[{extra}]'"
        ) from error
    except OSError as error:  # the C library below it: sounddevice is a wrapper of PortAudio
        package = SYSTEM_PACKAGES.get(module, "")
        remedy = f": apt-get install {package}" if package else ""
        raise SourceError(f"{module} cannot be loaded ({error}){remedy}") from error
