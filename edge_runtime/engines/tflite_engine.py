"""TensorFlow Lite by LiteRT, or by tflite-runtime where only that is installed."""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.engines.protocol import (
    EngineSettings,
    FloatArray,
    Shape,
    dequantize,
    quantize,
)
from edge_runtime.engines.tflite_delegates import acceleration
from edge_runtime.errors import EngineError

_MODULES = {
    "ai_edge_litert": ("ai_edge_litert.interpreter", "litert-cpu"),
    "tflite_runtime": ("tflite_runtime.interpreter", "tflite-cpu"),
}


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One input or output as the interpreter numbers it; scale 0: not quantized."""

    index: int
    shape: tuple[int, ...]
    dtype: type
    scale: float
    zero_point: int


class TfliteEngine:
    """An int8 model; its inputs are quantized and its outputs dequantized at this boundary."""

    name = "tflite"
    answers = "tflite"

    def __init__(self, model: bytes, settings: EngineSettings) -> None:
        """Load a model from its bytes.

        Raises:
            EngineError: No interpreter is installed, the accelerator is not there, or one of them
                refuses the model.
        """
        package = installed_package()
        if package is None:
            raise EngineError(
                "engine tflite: LiteRT is missing; pip install 'edge-runtime[tflite]'"
            )
        name, backend = _MODULES[package]
        self.backend = backend if settings.accelerator is None else _backend(backend, settings)
        try:
            module: Any = importlib.import_module(name)
            self._interpreter: Any = module.Interpreter(
                model_content=model, num_threads=settings.threads, **acceleration(module, settings)
            )
            self._interpreter.allocate_tensors()
        except (ImportError, ValueError, RuntimeError) as error:
            raise EngineError(f"{package} refuses the model: {_one_line(error)}") from error
        self._inputs = _tensors(self._interpreter.get_input_details())
        self._outputs = _tensors(self._interpreter.get_output_details())
        self.inputs: Mapping[str, Shape] = {n: t.shape for n, t in self._inputs.items()}
        self.outputs: Mapping[str, Shape] = {n: t.shape for n, t in self._outputs.items()}

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return every output by name, as float32."""
        codes = self.run_codes({name: self._coded(name, value) for name, value in tensors.items()})
        return {name: _real(code, self._outputs[name]) for name, code in codes.items()}

    def run_codes(self, codes: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Return every output as the model has it, int8 in and int8 out.

        Raises:
            EngineError: Another shape or type than the model takes.
        """
        try:
            for name, value in codes.items():
                self._interpreter.set_tensor(self._inputs[name].index, value)
            self._interpreter.invoke()
        except (ValueError, RuntimeError, KeyError) as error:
            raise EngineError(f"{self.backend}: {_one_line(error)}") from error
        return {n: self._interpreter.get_tensor(t.index) for n, t in self._outputs.items()}

    def _coded(self, name: str, value: FloatArray) -> npt.NDArray[Any]:
        tensor = self._inputs.get(name)
        if tensor is None:
            raise EngineError(f"input {name!r}, the model has {', '.join(self._inputs)}")
        if tensor.scale == 0:
            return value.astype(tensor.dtype)
        return quantize(value, tensor.scale, tensor.zero_point, tensor.dtype)


def installed_package() -> str | None:
    """Return the package that brings an interpreter, LiteRT first, None where there is none."""
    return next((name for name in _MODULES if importlib.util.find_spec(name) is not None), None)


def _backend(backend: str, settings: EngineSettings) -> str:
    return f"{backend.partition('-')[0]}-{settings.accelerator}"


def _tensors(details: list[dict[str, Any]]) -> dict[str, _Tensor]:
    return {
        detail["name"]: _Tensor(
            index=int(detail["index"]),
            shape=tuple(int(size) for size in detail["shape"]),
            dtype=detail["dtype"],
            scale=float(detail["quantization"][0]),
            zero_point=int(detail["quantization"][1]),
        )
        for detail in details
    }


def _real(code: npt.NDArray[Any], tensor: _Tensor) -> FloatArray:
    if tensor.scale == 0:
        return code.astype(np.float32)
    return dequantize(code, tensor.scale, tensor.zero_point)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
