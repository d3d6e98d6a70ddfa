"""What every engine does: float32 tensors in, float32 tensors out, by name."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Shape: TypeAlias = tuple[int | None, ...]  # None: any


class Engine(Protocol):
    """A loaded model, ready to run; used by one thread at a time."""

    @property
    def name(self) -> str:
        """The executor's name in manifests and configurations: "onnx" or "tflite"."""

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
    codes = np.rint(np.asarray(values, np.float32) / np.float32(scale)) + np.float32(zero_point)
    clipped: npt.NDArray[np.integer] = np.clip(codes, limits.min, limits.max).astype(dtype)
    return clipped


def dequantize(codes: npt.NDArray[np.integer], scale: float, zero_point: int) -> FloatArray:
    """Return integer codes as real values, (code - zero_point) * scale in float32.

    Source: ONNX DequantizeLinear.
    """
    centred = codes.astype(np.int32) - np.int32(zero_point)
    real: FloatArray = centred.astype(np.float32) * np.float32(scale)
    return real
