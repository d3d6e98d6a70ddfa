"""Known inputs through the engine that will run: a wrong kernel or driver is refused here."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.engines.protocol import Engine, quantize
from edge_runtime.errors import BundleError
from edge_runtime.manifest import Manifest, check_file, file_of


def run_self_test(engine: Engine, manifest: Manifest, bundle: Path) -> int:
    """Return the greatest difference from the bundle's answers, in codes of output 0.

    Raises:
        BundleError: It is greater than the manifest allows, or the bundle cannot be tested.
    """
    allowed = manifest.self_test.max_lsb.get(engine.name)
    if allowed is None:
        raise BundleError(f"self-test: the bundle holds no answers for engine {engine.name}")
    inputs, answers = _load(manifest, bundle, engine.name)
    differences = [
        _difference(engine, manifest, sample, answer)
        for sample, answer in zip(inputs, answers, strict=True)
    ]
    greatest = max(differences)
    if greatest > allowed:
        wrong = sum(difference > allowed for difference in differences)
        raise BundleError(
            f"self-test: {wrong} of {len(differences)} answers of engine {engine.name} differ by "
            f"up to {greatest} codes, allowed are {allowed}"
        )
    return greatest


def _difference(
    engine: Engine, manifest: Manifest, sample: npt.NDArray[Any], answer: npt.NDArray[Any]
) -> int:
    taken, given = manifest.inputs[0], manifest.outputs[0]
    tensor = np.ascontiguousarray(sample, np.float32).reshape(taken.shape)
    output = engine.run({taken.name: tensor})[given.name]
    if not np.isfinite(output).all():
        raise BundleError(f"self-test: engine {engine.name} answers NaN or infinity")
    codes = quantize(output, given.scale, given.zero_point, np.int8).astype(np.int32)
    return int(np.abs(codes.ravel() - answer.ravel().astype(np.int32)).max())


def _load(
    manifest: Manifest, bundle: Path, executor: str
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    file = file_of(manifest, "self_test")
    if file is None:
        raise BundleError(f"{bundle}: no self-test in the bundle")
    check_file(bundle, file)
    try:
        with np.load(bundle / file.name, allow_pickle=False) as arrays:
            inputs, answers = arrays["inputs"], arrays[executor]
    except (KeyError, ValueError, OSError) as error:
        raise BundleError(f"{bundle / file.name}: {error}") from error
    _check_shapes(manifest, inputs, answers)
    return inputs, answers


def _check_shapes(manifest: Manifest, inputs: npt.NDArray[Any], answers: npt.NDArray[Any]) -> None:
    samples = manifest.self_test.samples
    if samples < 1 or len(inputs) != samples or len(answers) != samples:
        raise BundleError(
            f"self-test: {len(inputs)} inputs and {len(answers)} answers, "
            f"the manifest says {samples}"
        )
    sizes = (inputs[0].size, answers[0].size)
    declared = (
        int(np.prod(manifest.inputs[0].shape)),
        int(np.prod(manifest.outputs[0].shape)),
    )
    if sizes != declared:
        raise BundleError(f"self-test: samples of {sizes} values, the tensors have {declared}")
