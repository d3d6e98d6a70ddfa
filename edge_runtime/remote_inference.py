"""A microcontroller as a stage: what it inferred becomes a prediction, and samples are run again.

To the pipeline the microcontroller is an engine whose input is what it printed: one vector of its
output codes and, where it sent them, its input codes. The engine of the pipeline's table audits:
it runs the sampled inputs again, and every code that comes out otherwise is counted.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.specs import IMAGE_DECODERS, AnomalyDecoder
from edge_runtime.engines.protocol import Engine, FloatArray, Shape, dequantize, quantize
from edge_runtime.errors import BundleError, FrameError
from edge_runtime.link import Parity
from edge_runtime.manifest import Manifest, TensorInput, TensorSpec

BIT_EXACT = frozenset({"native"})  # engines that compute the very integers of the microcontroller


@dataclass(frozen=True, slots=True)
class VectorLayout:
    """Where the codes of one inference lie in the vector that travels as a frame.

    Attributes:
        outputs: Codes of each output.
        inputs: Codes of the input.
    """

    outputs: tuple[int, ...]
    inputs: int

    @property
    def size(self) -> int:
        """Return the length of the vector: a flag, the outputs, the input."""
        return 1 + sum(self.outputs) + self.inputs

    def pack(self, outputs: bytes, inputs: bytes | None) -> FloatArray:
        """Return the vector (1, size) of int8 codes; without an input there are zeros for it.

        Raises:
            FrameError: Another number of codes than the model has.
        """
        wanted = sum(self.outputs)
        if len(outputs) != wanted:
            raise FrameError(f"output of {len(outputs)} codes, the model gives {wanted}")
        if inputs is not None and len(inputs) != self.inputs:
            raise FrameError(f"input of {len(inputs)} codes, the model takes {self.inputs}")
        vector = np.zeros((1, self.size), np.float32)
        vector[0, 0] = inputs is not None
        vector[0, 1 : 1 + wanted] = np.frombuffer(outputs, np.int8)
        if inputs is not None:
            vector[0, 1 + wanted :] = np.frombuffer(inputs, np.int8)
        return vector


def layout_of(manifest: Manifest) -> VectorLayout:
    """Return the layout for a bundle's model."""
    outputs = tuple(math.prod(spec.shape) for spec in manifest.outputs)
    return VectorLayout(outputs, math.prod(manifest.inputs[0].shape))


def remote_manifest(manifest: Manifest) -> Manifest:
    """Return a manifest that takes vectors instead of what the microcontroller takes.

    Raises:
        BundleError: Its decoder needs the input, which most lines do not carry.
    """
    decoder = manifest.decoder
    if isinstance(decoder, AnomalyDecoder) and decoder.method == "reconstruction":
        raise BundleError(
            f"{manifest.name}: source microcontroller: a reconstruction is compared with its "
            'input, which is only sampled; method "score" works'
        )
    if isinstance(decoder, IMAGE_DECODERS):
        raise BundleError(
            f"{manifest.name}: source microcontroller: places in an image need the image"
        )
    size = layout_of(manifest).size
    vector = TensorSpec(name=manifest.inputs[0].name, shape=(1, size), scale=1.0, zero_point=0)
    return msgspec.structs.replace(manifest, inputs=(vector,), preprocessing=TensorInput())


class AuditedEngine:
    """Returns what the microcontroller computed; counts where the auditor differs."""

    name = "microcontroller"
    backend = "microcontroller"

    def __init__(self, manifest: Manifest, auditor: Engine) -> None:
        """Take the bundle's own manifest and an engine that passed the self-test."""
        self._manifest = manifest
        self._auditor = auditor
        self._layout = layout_of(manifest)
        tolerance = manifest.self_test.max_lsb[auditor.answers]
        bound = 0 if auditor.name in BIT_EXACT else tolerance
        self._parity = Parity(0, 0, 0, bound, auditor.backend)
        self.answers = auditor.answers
        self.inputs: Mapping[str, Shape] = {manifest.inputs[0].name: (1, self._layout.size)}
        self.outputs: Mapping[str, Shape] = {spec.name: spec.shape for spec in manifest.outputs}

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the real values of the microcontroller's outputs."""
        vector = tensors[self._manifest.inputs[0].name][0].astype(np.int8)
        edges = np.cumsum((1, *self._layout.outputs))
        pairs = itertools.pairwise(edges)
        codes = [vector[start:end] for start, end in pairs]
        if vector[0]:
            self._audit(vector[edges[-1] :], codes)
        return {
            spec.name: dequantize(code, spec.scale, spec.zero_point).reshape(spec.shape)
            for spec, code in zip(self._manifest.outputs, codes, strict=True)
        }

    def parity(self) -> Parity:
        """Return what the audits have shown so far."""
        return self._parity

    def _audit(self, inputs: npt.NDArray[np.int8], outputs: list[npt.NDArray[np.int8]]) -> None:
        spec = self._manifest.inputs[0]
        tensor = dequantize(inputs, spec.scale, spec.zero_point).reshape(spec.shape)
        reals = self._auditor.run({spec.name: tensor})
        greatest = max(
            _greatest_difference(reals[output.name], code, output)
            for output, code in zip(self._manifest.outputs, outputs, strict=True)
        )
        seen = self._parity
        self._parity = Parity(
            audited=seen.audited + 1,
            differing=seen.differing + (greatest > 0),
            max_lsb=max(seen.max_lsb, greatest),
            bound_lsb=seen.bound_lsb,
            engine=seen.engine,
        )


def _greatest_difference(real: FloatArray, code: npt.NDArray[np.int8], spec: TensorSpec) -> int:
    again = quantize(real.reshape(-1), spec.scale, spec.zero_point, np.int8)
    return int(np.abs(again.astype(np.int32) - code.astype(np.int32)).max())
