"""Execution providers of ONNX Runtime by our names; one that is wanted is there, or an error.

ONNX Runtime itself replaces a provider that cannot be made by the CPU, with a line in its log.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_runtime.errors import EngineError

CPU = "cpu"
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "acl": "ACLExecutionProvider",
    "armnn": "ArmNNExecutionProvider",
    "cann": "CANNExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
RECORD_ASSIGNMENT = "session.record_ep_graph_assignment_info"


def installed_providers(runtime: Any) -> list[str]:
    """Return our names of the providers that this ONNX Runtime was built with."""
    built_in = set(runtime.get_available_providers())
    return [name for name, provider in PROVIDERS.items() if provider in built_in]


def choose_provider(runtime: Any, accelerator: str) -> str:
    """Return ONNX Runtime's name of a provider that it was built with.

    Raises:
        EngineError: A name that we do not know, or one that this build lacks.
    """
    provider = PROVIDERS.get(accelerator)
    if provider is None:
        raise EngineError(
            f"engine onnx: accelerator {accelerator!r}, allowed are {', '.join(PROVIDERS)}"
        )
    found = installed_providers(runtime)
    if accelerator not in found:
        raise EngineError(
            f"engine onnx: accelerator {accelerator} is not in the installed ONNX Runtime "
            f"{runtime.__version__}, which has {', '.join(found)}"
        )
    return provider


def add_plugin(runtime: Any, options: Any, accelerator: str, library: Path) -> str:
    """Return the provider's name after a plug-in library was loaded and its devices were chosen.

    Raises:
        EngineError: The library cannot be loaded, or finds no device.
    """
    provider = PROVIDERS.get(accelerator, accelerator)
    refused: tuple[type[Exception], ...] = (*refusals(runtime), AttributeError)
    try:
        runtime.register_execution_provider_library(provider, str(library))
        devices = [device for device in runtime.get_ep_devices() if device.ep_name == provider]
        if devices:
            options.add_provider_for_devices(devices[:1], {})
    except refused as error:
        text = " ".join(str(error).split())[:200]
        raise EngineError(f"engine onnx: accelerator {accelerator}: {library}: {text}") from error
    if not devices:
        names = sorted({device.ep_name for device in runtime.get_ep_devices()})
        raise EngineError(
            f"engine onnx: accelerator {accelerator}: {library} brings no device of it, "
            f"there are {', '.join(names)}"
        )
    return provider


def refusals(runtime: Any) -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises; its classes share no base but Exception."""
    state = runtime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel")
    more = ("NotImplemented", "RuntimeException", "EPFail", "NoSuchFile", "ModelLoaded")
    found = (getattr(state, name, None) for name in (*names, *more))
    return (*(kind for kind in found if kind is not None), RuntimeError, ValueError)


def check_provider(session: Any, provider: str, accelerator: str) -> None:
    """Refuse a session in which the provider is missing or computes nothing.

    Raises:
        EngineError: The CPU took its place.
    """
    in_use: Sequence[str] = session.get_providers()
    if provider not in in_use:
        raise EngineError(
            f"engine onnx: accelerator {accelerator} did not start, ONNX Runtime would use "
            f"{', '.join(in_use)}"
        )
    if accelerator == CPU or not hasattr(session, "get_provider_graph_assignment_info"):
        return
    nodes = {
        part.ep_name: len(part.get_nodes()) for part in session.get_provider_graph_assignment_info()
    }
    if not nodes.get(provider):
        raise EngineError(
            f"engine onnx: accelerator {accelerator} takes none of the model's nodes, the CPU "
            f"would compute all {sum(nodes.values())}"
        )
