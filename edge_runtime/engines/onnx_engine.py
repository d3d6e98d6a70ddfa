"""ONNX Runtime on the CPU."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_runtime.engines.protocol import FloatArray, Shape
from edge_runtime.errors import EngineError

_LOG_ERRORS_ONLY = 3


class OnnxEngine:
    """A QDQ or float ONNX model with float32 inputs and outputs.

    Threads do not spin while they wait: at 5 frames a second that alone costs a fifth of a core.
    """

    name = "onnx"
    backend = "ort-cpu"

    def __init__(self, model: bytes, *, threads: int) -> None:
        """Load a model from its bytes, so that it cannot reach for files beside it.

        Raises:
            EngineError: ONNX Runtime is missing, or refuses the model.
        """
        runtime = _onnxruntime()
        self._refusals = _refusals(runtime)
        options = session_options(runtime, threads=threads)
        try:
            self._session = runtime.InferenceSession(
                model, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except self._refusals as error:
            raise EngineError(f"ONNX Runtime refuses the model: {_one_line(error)}") from error
        self.inputs: Mapping[str, Shape] = _shapes(self._session.get_inputs())
        self.outputs: Mapping[str, Shape] = _shapes(self._session.get_outputs())

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return every output by name, as float32."""
        names = list(self.outputs)
        try:
            values = self._session.run(names, dict(tensors))
        except self._refusals as error:
            raise EngineError(f"ONNX Runtime: {_one_line(error)}") from error
        pairs = zip(names, values, strict=True)
        return {name: np.asarray(value, np.float32) for name, value in pairs}


def session_options(runtime: Any, *, threads: int) -> Any:
    """Return how a device runs a model; offline measuring runs it the same way.

    `session.qdqisint8allowed` stays off: on x86 it fuses more, but into kernels that were measured
    4 to 10 times slower; on ARM it changes nothing.
    """
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _onnxruntime() -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read by the first import
    try:
        import onnxruntime  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise EngineError(
            "engine onnx: ONNX Runtime is missing; pip install 'edge-runtime[onnx]'"
        ) from error
    return onnxruntime


def _refusals(runtime: Any) -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises; its classes share no base but Exception."""
    state = runtime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel")
    more = ("NotImplemented", "RuntimeException", "EPFail", "NoSuchFile", "ModelLoaded")
    found = (getattr(state, name, None) for name in (*names, *more))
    return (*(kind for kind in found if kind is not None), RuntimeError, ValueError)


def _shapes(arguments: Any) -> dict[str, Shape]:
    return {
        argument.name: tuple(size if isinstance(size, int) else None for size in argument.shape)
        for argument in arguments
    }


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
