"""OpenVINO: the bundle's ONNX model on Intel's processors, GPUs and NPUs, and on ARM's."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_runtime.engines.protocol import EngineSettings, FloatArray, Shape
from edge_runtime.errors import EngineError

CPU = "cpu"


class OpenvinoEngine:
    """A QDQ or float ONNX model with float32 inputs and outputs."""

    name = "openvino"
    answers = "onnx"

    def __init__(self, model: bytes, settings: EngineSettings) -> None:
        """Load a model from its bytes, onto exactly the device that is wanted.

        Raises:
            EngineError: OpenVINO is missing, has no such device, or refuses the model.
        """
        device = settings.accelerator or CPU
        found = found_devices()
        if device not in found:
            raise EngineError(
                f"engine openvino: accelerator {device!r} is not there, there are "
                f"{', '.join(found) or 'none'}"
            )
        self.backend = f"openvino-{device}"
        try:
            core = openvino_module().Core()
            network = core.read_model(model=model)
            network.reshape({port: _one_sample(port) for port in network.inputs})
            self._inputs = {port.get_any_name(): port for port in network.inputs}
            self._outputs = {port.get_any_name(): port for port in network.outputs}
            self.inputs: Mapping[str, Shape] = {n: _shape(p) for n, p in self._inputs.items()}
            self.outputs: Mapping[str, Shape] = {n: _shape(p) for n, p in self._outputs.items()}
            compiled = core.compile_model(network, device.upper(), _options(device, settings))
            self._request: Any = compiled.create_infer_request()
        except (RuntimeError, TypeError) as error:
            raise EngineError(f"OpenVINO refuses the model: {_one_line(error)}") from error

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return every output by name, as float32."""
        try:
            found = self._request.infer(dict(tensors))
            return {name: np.array(found[name], np.float32) for name in self._outputs}
        except (RuntimeError, KeyError, TypeError) as error:
            raise EngineError(f"OpenVINO: {_one_line(error)}") from error


def openvino_module() -> Any:
    """Return the package, imported when it is first needed.

    Raises:
        EngineError: It is not installed.
    """
    try:
        import openvino  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise EngineError(
            "engine openvino: OpenVINO is missing; pip install 'edge-runtime[openvino]'"
        ) from error
    return openvino


def found_devices() -> list[str]:
    """Return the devices that OpenVINO finds here, such as "cpu", "gpu", "npu".

    Raises:
        EngineError: OpenVINO is not installed.
    """
    return [str(name).lower() for name in openvino_module().Core().available_devices]


def _options(device: str, settings: EngineSettings) -> dict[str, Any]:
    hints = {"PERFORMANCE_HINT": "LATENCY"}
    return {**hints, "INFERENCE_NUM_THREADS": settings.threads} if device == CPU else hints


def _one_sample(port: Any) -> list[int]:
    """Return a shape without free sizes: these are batches, and the daemon has one sample."""
    return [size if size is not None else 1 for size in _shape(port)]


def _shape(port: Any) -> Shape:
    sizes = port.get_partial_shape()
    return tuple(None if size.is_dynamic else size.get_length() for size in sizes)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
