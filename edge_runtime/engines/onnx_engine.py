"""ONNX Runtime, on the CPU or on an accelerator."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_runtime.engines.onnx_providers import (
    CPU,
    RECORD_ASSIGNMENT,
    add_plugin,
    check_provider,
    choose_provider,
    refusals,
)
from edge_runtime.engines.protocol import EngineSettings, FloatArray, Shape
from edge_runtime.errors import EngineError

_LOG_ERRORS_ONLY = 3


class OnnxEngine:
    """A QDQ or float ONNX model with float32 inputs and outputs.

    Threads do not spin while they wait: at 5 frames a second that alone costs a fifth of a core.
    """

    name = "onnx"
    answers = "onnx"

    def __init__(self, model: bytes, settings: EngineSettings) -> None:
        """Load a model from its bytes, so that it cannot reach for files beside it.

        Raises:
            EngineError: ONNX Runtime is missing, lacks the accelerator or refuses the model.
        """
        runtime = onnxruntime_module()
        self._refusals = refusals(runtime)
        accelerator = settings.accelerator or CPU
        self.backend = f"ort-{accelerator}"
        options = session_options(runtime, threads=settings.threads)
        if accelerator != CPU:
            options.add_session_config_entry(RECORD_ASSIGNMENT, "1")
        if settings.library is None:
            provider = choose_provider(runtime, accelerator)
            providers = [provider] if accelerator == CPU else [provider, "CPUExecutionProvider"]
        else:
            provider = add_plugin(runtime, options, accelerator, settings.library)
            providers = None
        try:
            self._session = runtime.InferenceSession(
                model, sess_options=options, providers=providers
            )
        except self._refusals as error:
            raise EngineError(f"ONNX Runtime refuses the model: {_one_line(error)}") from error
        check_provider(self._session, provider, accelerator)
        self.inputs: Mapping[str, Shape] = _shapes(self._session.get_inputs())
        self.outputs: Mapping[str, Shape] = _shapes(self._session.get_outputs())

    @property
    def takes_batches(self) -> bool:
        """Whether the first size of every input and output is free, and the CPU computes.

        Accelerators may know one size only, or compile anew for each.
        """
        shapes = (*self.inputs.values(), *self.outputs.values())
        return self.backend == f"ort-{CPU}" and all(shape[:1] == (None,) for shape in shapes)

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


def onnxruntime_module() -> Any:
    """Return the package, imported when it is first needed.

    Raises:
        EngineError: It is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read by the first import
    try:
        import onnxruntime  # noqa: PLC0415 (heavy, and an extra)
    except ImportError as error:
        raise EngineError(
            "engine onnx: ONNX Runtime is missing; pip install 'edge-runtime[onnx]'"
        ) from error
    return onnxruntime


def _shapes(arguments: Any) -> dict[str, Shape]:
    return {
        argument.name: tuple(size if isinstance(size, int) else None for size in argument.shape)
        for argument in arguments
    }


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
