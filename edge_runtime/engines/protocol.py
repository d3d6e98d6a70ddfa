"""What every engine does: float32 tensors in, float32 tensors out, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Shape: TypeAlias = tuple[int | None, ...]  # None: any


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How a pipeline wants its model run.

    Attributes:
        threads: At least 1.
        accelerator: By the engine's own names; None: what the engine takes by itself. One that is
            not there is an error, never another one in its place.
        library: A delegate, a plug-in or the model itself as a shared object.
    """

    threads: int
    accelerator: str | None = None
    library: Path | None = None


class Engine(Protocol):
    """A loaded model, ready to run; used by one thread at a time.

    An engine that takes several samples in one call, stacked along the first axis, says so by an
    attribute `takes_batches = True`; all others are given one at a time.
    """

    @property
    def name(self) -> str:
        """The engine's name in configurations: "onnx", "tflite"."""

    @property
    def answers(self) -> str:
        """Whose self-test answers it has to give: "onnx" or "tflite"."""

    @property
    def backend(self) -> str:
        """What computes, for payloads: "ort-cpu"."""

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Shapes of the inputs as the model file says them."""

    @property
    def outputs(self) -> Mapping[str, Shape]:
        """Shapes of the outputs as the model file says them."""

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return every output by name.

        Raises:
            EngineError: The engine refuses the input or fails.
        """


def quantize(
    values: npt.NDArray[np.floating], scale: float, zero_point: int, dtype: type
) -> npt.NDArray[np.integer]:
    """Return real values as integer codes: round half to even, saturate.

    Source: ONNX QuantizeLinear.
    """
    limits = np.iinfo(dtype)
    with np.errstate(over="ignore"):  # infinity saturates as the largest numbers do
        steps = np.asarray(values, np.float32) / np.float32(scale)
    codes = np.rint(steps) + np.float32(zero_point)
    clipped: npt.NDArray[np.integer] = np.clip(codes, limits.min, limits.max).astype(dtype)
    return clipped


def dequantize(codes: npt.NDArray[np.integer], scale: float, zero_point: int) -> FloatArray:
    """Return integer codes as real values, (code - zero_point) * scale in float32.

    Source: ONNX DequantizeLinear.
    """
    centred = codes.astype(np.int32) - np.int32(zero_point)
    real: FloatArray = centred.astype(np.float32) * np.float32(scale)
    return real
