"""Our own exported C as an engine: no runtime to install, the same integers as a microcontroller's.

It takes the scales from the bundle's manifest, and is refused for a bundle whose TFLite file is not
the one that the library was exported from.
"""

import math
from collections.abc import Mapping

import numpy as np

from edge_runtime.engines.native_library import NativeLibrary
from edge_runtime.engines.protocol import EngineSettings, FloatArray, Shape, dequantize, quantize
from edge_runtime.errors import EngineError
from edge_runtime.manifest import Manifest, TensorSpec, file_of


class NativeEngine:
    """An exported model in a shared object."""

    name = "native"
    answers = "tflite"
    backend = "c-native"

    def __init__(self, manifest: Manifest, settings: EngineSettings) -> None:
        """Load the library that the pipeline names.

        Raises:
            EngineError: None is named, it cannot be loaded, or it is another model's.
        """
        if settings.library is None:
            raise EngineError("engine native: the pipeline names no `library`")
        if settings.accelerator is not None:
            raise EngineError(
                f"engine native: accelerator {settings.accelerator!r}, allowed is none"
            )
        self._library = NativeLibrary(settings.library)
        check_model(self._library, manifest)
        self._inputs, self._outputs = manifest.inputs, manifest.outputs
        self.inputs: Mapping[str, Shape] = {spec.name: spec.shape for spec in manifest.inputs}
        self.outputs: Mapping[str, Shape] = {spec.name: spec.shape for spec in manifest.outputs}

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return every output by name, as float32.

        Raises:
            EngineError: An input is missing or has another size.
        """
        try:
            codes = [
                quantize(tensors[spec.name], spec.scale, spec.zero_point, np.int8)
                for spec in self._inputs
            ]
        except KeyError as error:
            raise EngineError(f"engine native: no input {error}") from error
        outputs = self._library.run(codes)
        return {
            spec.name: dequantize(code, spec.scale, spec.zero_point).reshape(spec.shape)
            for spec, code in zip(self._outputs, outputs, strict=True)
        }


def check_model(library: NativeLibrary, manifest: Manifest) -> None:
    """Refuse a library that was exported from another model than the bundle's.

    Raises:
        EngineError: Another SHA-256, or tensors of other sizes.
    """
    file = file_of(manifest, "tflite")
    if file is None or file.sha256 != library.model_sha256:
        there = "none" if file is None else f"{file.sha256[:12]}…"
        raise EngineError(
            f"engine native: the library is of TFLite file {library.model_sha256[:12]}…, "
            f"the bundle has {there}"
        )
    for role, specs, sizes in (
        ("inputs", manifest.inputs, library.input_sizes),
        ("outputs", manifest.outputs, library.output_sizes),
    ):
        if _sizes(specs) != sizes:
            raise EngineError(
                f"engine native: {role} of {sizes} codes, the manifest says {_sizes(specs)}"
            )


def _sizes(specs: tuple[TensorSpec, ...]) -> tuple[int, ...]:
    return tuple(math.prod(spec.shape) for spec in specs)
