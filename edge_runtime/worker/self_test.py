"""Known inputs through the engine that will run: a wrong kernel or driver is refused here."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.engines.batches import most_at_once, run_all
from edge_runtime.engines.protocol import Engine, FloatArray, quantize
from edge_runtime.errors import BundleError, EngineError
from edge_runtime.manifest import Manifest, answer_keys, check_file, file_of

Codes: TypeAlias = npt.NDArray[Any]

TRIED_TOGETHER = 4  # samples: a model that mixes its samples does so at any number


def run_self_test(engine: Engine, manifest: Manifest, bundle: Path) -> int:
    """Return the greatest difference from the bundle's answers, in codes of any output.

    Raises:
        BundleError: It is greater than the manifest allows, or the bundle cannot be tested.
    """
    allowed = manifest.self_test.max_lsb.get(engine.answers)
    if allowed is None:
        raise BundleError(f"self-test: the bundle holds no answers for engine {engine.name}")
    inputs, answers = _load(manifest, bundle, engine.answers)
    differences = [
        _difference(engine, manifest, sample, [answer[index] for answer in answers])
        for index, sample in enumerate(inputs)
    ]
    greatest = max(differences)
    if greatest > allowed:
        wrong = sum(difference > allowed for difference in differences)
        raise BundleError(
            f"self-test: {wrong} of {len(differences)} answers of engine {engine.name} differ by "
            f"up to {greatest} codes, allowed are {allowed}"
        )
    return greatest


def samples_at_once(engine: Engine, manifest: Manifest, bundle: Path, wanted: int) -> int:
    """Return how many samples a call may hold: as many as are wanted, where it changes no answer.

    A file may say that its first size is free and mean another thing by it, and float layers may
    add up in another order: then it is 1.

    Raises:
        BundleError: The bundle cannot be tested.
    """
    taken = manifest.inputs[0]
    most = min(wanted, most_at_once(engine, 4 * math.prod(taken.shape)))
    if most == 1:
        return 1
    inputs, _ = _load(manifest, bundle, engine.answers)
    tried = [inputs[index % len(inputs)] for index in range(min(most, TRIED_TOGETHER))]
    samples = [{taken.name: _tensor(manifest, sample)} for sample in tried]
    try:
        together = run_all(engine, samples, len(samples))
    except EngineError:
        return 1
    alone = run_all(engine, samples, 1)
    is_same = all(
        np.array_equal(given[name], one[name])
        for given, one in zip(together, alone, strict=True)
        for name in one
    )
    return most if is_same else 1


def _tensor(manifest: Manifest, sample: npt.NDArray[Any]) -> FloatArray:
    return np.ascontiguousarray(sample, np.float32).reshape(manifest.inputs[0].shape)


def _difference(
    engine: Engine, manifest: Manifest, sample: npt.NDArray[Any], answers: Sequence[Codes]
) -> int:
    outputs = engine.run({manifest.inputs[0].name: _tensor(manifest, sample)})
    greatest = 0
    for given, answer in zip(manifest.outputs, answers, strict=True):
        output = outputs[given.name]
        if not np.isfinite(output).all():
            raise BundleError(f"self-test: engine {engine.name} answers NaN or infinity")
        codes = quantize(output, given.scale, given.zero_point, np.int8).astype(np.int32)
        difference = np.abs(codes.ravel() - answer.ravel().astype(np.int32)).max()
        greatest = max(greatest, int(difference))
    return greatest


def _load(manifest: Manifest, bundle: Path, executor: str) -> tuple[npt.NDArray[Any], list[Codes]]:
    file = file_of(manifest, "self_test")
    if file is None:
        raise BundleError(f"{bundle}: no self-test in the bundle")
    check_file(bundle, file)
    try:
        with np.load(bundle / file.name, allow_pickle=False) as arrays:
            inputs = arrays["inputs"]
            answers = [arrays[k] for k in answer_keys(executor, len(manifest.outputs))]
    except (KeyError, ValueError, OSError) as error:
        raise BundleError(f"{bundle / file.name}: {error}") from error
    _check_shapes(manifest, inputs, answers)
    return inputs, answers


def _check_shapes(manifest: Manifest, inputs: npt.NDArray[Any], answers: Sequence[Codes]) -> None:
    samples = manifest.self_test.samples
    for answer in answers:
        if samples < 1 or len(inputs) != samples or len(answer) != samples:
            raise BundleError(
                f"self-test: {len(inputs)} inputs and {len(answer)} answers, "
                f"the manifest says {samples}"
            )
    tensors = (manifest.inputs[0], *manifest.outputs)
    sizes = tuple(array[0].size for array in (inputs, *answers))
    declared = tuple(int(np.prod(tensor.shape)) for tensor in tensors)
    if sizes != declared:
        raise BundleError(f"self-test: samples of {sizes} values, the tensors have {declared}")
