"""Delegates of TensorFlow Lite: one that is wanted is loaded, or an error."""

import ctypes
import ctypes.util
from typing import Any

from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.errors import EngineError

EDGETPU, DELEGATE = "edgetpu", "delegate"
EDGETPU_LIBRARY = "libedgetpu.so.1"  # by Coral's Debian package libedgetpu1-std
_RESOLVERS = {"xnnpack": "BUILTIN", "cpu": "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}
ACCELERATORS = (*_RESOLVERS, EDGETPU, DELEGATE)


def acceleration(module: Any, settings: EngineSettings) -> dict[str, Any]:
    """Return what an interpreter has to be told of the accelerator.

    "xnnpack" is what an interpreter takes by itself, "cpu" its kernels without it; "edgetpu" is
    Coral's library, "delegate" any library that exports `tflite_plugin_create_delegate`.

    Raises:
        EngineError: A name that we do not know, or a library that cannot be loaded.
    """
    name, library = settings.accelerator, settings.library
    if name is None:
        return {}
    if name in _RESOLVERS:
        kinds = getattr(module, "OpResolverType", None)
        kind = getattr(kinds, _RESOLVERS[name], None)
        if kind is None:
            raise EngineError(f"engine tflite: this interpreter cannot be told {name}")
        return {"experimental_op_resolver_type": kind}
    if name == EDGETPU:
        return _delegate(module, name, str(library or EDGETPU_LIBRARY))
    if name == DELEGATE and library is not None:
        return _delegate(module, name, str(library))
    if name == DELEGATE:
        raise EngineError("engine tflite: accelerator delegate needs its `library`")
    raise EngineError(f"engine tflite: accelerator {name!r}, allowed are {', '.join(ACCELERATORS)}")


def found_accelerators() -> list[str]:
    """Return the accelerators that need no path of their own."""
    has_edgetpu = ctypes.util.find_library("edgetpu") is not None
    return [*_RESOLVERS, *([EDGETPU] if has_edgetpu else [])]


def _delegate(module: Any, name: str, library: str) -> dict[str, Any]:
    try:
        ctypes.CDLL(library)  # LiteRT's own object for a library that is not there fails in __del__
        return {"experimental_delegates": [module.load_delegate(library)]}
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        text = " ".join(str(error).split())[:200]
        raise EngineError(
            f"engine tflite: accelerator {name}: {library} cannot be loaded ({text})"
        ) from error
