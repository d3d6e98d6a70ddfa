"""Executors: run a model file on arrays, with ONNX Runtime or LiteRT, the same way every time."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from edge_runtime.engines.onnx_engine import onnxruntime_module, session_options
from quantize.errors import DataError, ModelError
from quantize.ir.graph import Array

BATCH_SIZE = 32


class Kernels(StrEnum):
    """Which of LiteRT's kernels run."""

    REFERENCE = "reference"  # BUILTIN_REF: slow, exact, what microcontrollers agree with
    DEFAULT = "default"  # with XNNPACK: what runs on a device


class OnnxRunner:
    """A model in ONNX Runtime, kept loaded; calling it gives the outputs by name."""

    def __init__(
        self, model: bytes, *, threads: int = 1, optimize: bool = True, integers: bool = True
    ) -> None:
        """Load the model.

        Args:
            model: The file's bytes.
            threads: Within an operation; the result does not depend on it.
            optimize: False runs every node as it stands.
            integers: False leaves operations between rounded tensors in float; otherwise ONNX
                Runtime may even round float weights there, per tensor, without a word.

        Raises:
            ModelError: ONNX Runtime refuses the file.
        """
        onnxruntime = onnxruntime_module()
        levels = onnxruntime.GraphOptimizationLevel
        options = session_options(onnxruntime, threads=threads)
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.disable_quant_qdq", "0" if integers else "1")
        options.graph_optimization_level = (
            levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
        )
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common base of their own
            raise ModelError(f"model.onnx: ONNX Runtime refuses it: {_line(error)}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(
        self, inputs: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return outputs (N, ...) by name, all of them or those asked for."""
        names = list(self._outputs if outputs is None else outputs)
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))


class TfliteRunner:
    """A model in LiteRT, kept loaded; calling it gives the outputs by name.

    One sample is run at a time: int8 kernels exist whose result depends on the batch.
    """

    def __init__(
        self,
        model: bytes,
        *,
        kernels: Kernels = Kernels.DEFAULT,
        threads: int = 1,
        keep_all: bool = False,
    ) -> None:
        """Load the model.

        Args:
            model: The file's bytes.
            kernels: See Kernels.
            threads: Within an operation.
            keep_all: Give every tensor that an operation makes, not the outputs alone.

        Raises:
            ModelError: LiteRT refuses the file.
        """
        from ai_edge_litert import interpreter as litert  # noqa: PLC0415  # slow, seldom needed

        resolver = {
            Kernels.REFERENCE: litert.OpResolverType.BUILTIN_REF,
            Kernels.DEFAULT: litert.OpResolverType.AUTO,
        }[kernels]
        try:
            with _quiet_stderr():
                self._interpreter: Any = litert.Interpreter(
                    model_content=model,
                    num_threads=threads,
                    experimental_op_resolver_type=resolver,
                    experimental_preserve_all_tensors=keep_all,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"model.tflite: LiteRT refuses it: {_line(error)}") from error
        self._inputs: list[Any] = self._interpreter.get_input_details()
        self._outputs = self._made_tensors() if keep_all else self._interpreter.get_output_details()

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return outputs (N, ...) by name, of inputs (N, ...) by name.

        Raises:
            DataError: An input is missing.
        """
        given = [_input(inputs, detail, len(self._inputs)) for detail in self._inputs]
        rows = [self._run([values[i : i + 1] for values in given]) for i in range(len(given[0]))]
        names = [detail["name"] for detail in self._outputs]
        return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}

    def _run(self, sample: Sequence[Array]) -> list[Array]:
        for detail, values in zip(self._inputs, sample, strict=True):
            fitting = np.ascontiguousarray(values.reshape(detail["shape"]), detail["dtype"])
            self._interpreter.set_tensor(detail["index"], fitting)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]

    def _made_tensors(self) -> list[Any]:
        """Return the details of what operations make; delegates' tensors are left out."""
        made = {
            int(index)
            for operation in self._interpreter._get_ops_details()  # noqa: SLF001  # its only way
            if operation["op_name"] != "DELEGATE"
            for index in operation["outputs"]
        }
        details = self._interpreter.get_tensor_details()
        return [detail for detail in details if detail["index"] in made]


def run_onnx(
    model: bytes, inputs: Mapping[str, Array], *, threads: int = 1, optimize: bool = True
) -> dict[str, Array]:
    """Return the outputs (N, ...) by name of an ONNX file on ONNX Runtime.

    Raises:
        ModelError: ONNX Runtime refuses the file.
    """
    runner = OnnxRunner(model, threads=threads, optimize=optimize)
    return join([runner(batch) for batch in split(inputs, BATCH_SIZE)])


def run_tflite(
    model: bytes, inputs: Mapping[str, Array], *, kernels: Kernels = Kernels.DEFAULT
) -> dict[str, Array]:
    """Return the outputs (N, ...) by name of a TFLite file on LiteRT; codes go in and come out.

    Raises:
        ModelError: LiteRT refuses the file.
        DataError: An input is missing.
    """
    return TfliteRunner(model, kernels=kernels)(inputs)


def trace_tflite(
    model: bytes, inputs: Mapping[str, Array], *, kernels: Kernels = Kernels.REFERENCE
) -> dict[str, Array]:
    """Return every tensor that an operation makes, (N, ...) by name, codes where it is quantized.

    Under XNNPACK, whose inner tensors cannot be seen, only those outside of it are there.

    Raises:
        ModelError: LiteRT refuses the file.
        DataError: An input is missing.
    """
    return TfliteRunner(model, kernels=kernels, keep_all=True)(inputs)


def split(inputs: Mapping[str, Array], size: int) -> Iterator[dict[str, Array]]:
    """Yield the samples in batches of at most `size`."""
    count = len(next(iter(inputs.values())))
    for start in range(0, count, size):
        yield {name: values[start : start + size] for name, values in inputs.items()}


def join(batches: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return the batches behind one another."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _input(inputs: Mapping[str, Array], detail: Mapping[str, Any], count: int) -> Array:
    """Return an input by the tensor's name; the only input of a model may have any name."""
    if detail["name"] in inputs:
        return inputs[detail["name"]]
    if count == 1 and len(inputs) == 1:
        return next(iter(inputs.values()))
    raise DataError(f"{detail['name']}: no such input among {', '.join(inputs)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send what native code writes to file descriptor 2 nowhere, for as long as this lasts."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
