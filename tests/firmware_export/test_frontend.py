"""Exported front ends, compiled here, against the daemon's own."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edge_runtime.engines.protocol import quantize
from edge_runtime.manifest import ImageInput, Preprocessing, load_bundle
from edge_runtime.preprocess import to_tensor
from edge_runtime.signals.inputs import MicroLogMelInput, WindowInput
from firmware_export.export import export_model
from firmware_export.frontend import front_end
from firmware_export.model_file import load_model
from firmware_export.output import fill_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.program import plan_program
from firmware_export.provenance import Provenance
from firmware_export.target import TARGETS
from tests.edge_runtime.bundles import ClassificationDecoder, dense, write
from tests.edge_runtime.signals.test_inputs import LEGAL
from tests.edge_runtime.signals.test_micro_log_mel import GOLDEN
from tests.firmware_export.kernel_host import SANITIZERS, WARNINGS

MAIN = """#include "net_frontend.h"
#include <stdio.h>
static {c_type} samples[{count}];
int main(void)
{{
    const size_t found = fread(samples, sizeof samples, 1, stdin);
    {call}
    fwrite(net_input(), NET_INPUT_SIZE, 1, stdout);
    return found == 1 ? 0 : 1;
}}
"""


def _bundle(folder: Path, spec: Preprocessing, size: int, scale: float, zero: int) -> Path:
    graph = dense([[1] * size, [-1] * size], 0.01, [0, 0], scale, zero)
    return write(folder, "sound", graph, spec, ClassificationDecoder(output="y"), max_lsb=9)


def _codes_in_c(
    bundle: Path, folder: Path, samples: npt.NDArray[Any], *flags: str
) -> npt.NDArray[np.int8]:
    """Return what PREFIX_frontend writes to the input, under the sanitizers."""
    exported = export_model(
        load_model(bundle), TARGETS["host"], package=cmake_files, vectors=1, prefix="net"
    )
    fill_directory(folder, exported.files)
    c_type = "float" if samples.dtype == np.float32 else "int16_t"
    text = MAIN.format(c_type=c_type, count=samples.size, call="net_frontend(samples);")
    (folder / "main.c").write_text(text)
    command = ["gcc", "-std=c99", *WARNINGS, *(flags or SANITIZERS), "-o", "main", "main.c"]
    done = subprocess.run(
        [*command, "net.c"], cwd=folder, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    run = subprocess.run(
        [folder / "main"], input=samples.tobytes(), check=True, capture_output=True
    )
    return np.frombuffer(run.stdout, np.int8)


def _codes_on_the_device(bundle: Path, samples: npt.NDArray[Any]) -> npt.NDArray[np.integer]:
    manifest = load_bundle(bundle)
    spec = manifest.inputs[0]
    tensor = to_tensor(samples, manifest.preprocessing, spec.shape)
    return quantize(tensor.reshape(-1), spec.scale, spec.zero_point, np.int8)


@pytest.mark.gcc
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (5.0, 3.0)])
def test_fixed_point_log_mel_bands_give_the_daemons_codes(
    tmp_path: Path, mean: float, std: float
) -> None:
    spec = MicroLogMelInput(length=4000, step=4000, mean=(mean,), std=(std,))
    bundle = _bundle(tmp_path, spec, 12 * 40, 0.1017, -128)
    with np.load(GOLDEN) as golden:
        signals = {n: golden[f"{n}_pcm"] for n in ("chirp", "rising_noise", "full_scale", "faint")}
    signals["silence"] = np.zeros(4000, np.int16)
    signals["least"] = np.full(4000, -32_768, np.int16)

    for name, pcm in signals.items():
        found = _codes_in_c(bundle, tmp_path / name, pcm)
        reals = (pcm.astype(np.float32) / 32_768)[:, np.newaxis]
        assert np.array_equal(found, _codes_on_the_device(bundle, reals)), name


@pytest.mark.gcc
@pytest.mark.parametrize("frame", [(64, 32), (100, 100), (700, 350), (2048, 2048)])
def test_other_lengths_too(tmp_path: Path, frame: tuple[int, int]) -> None:
    length, step = frame
    frames = (4096 - length) // step + 1
    spec = MicroLogMelInput(
        length=4096, step=4096, sample_rate_hz=8000, frame_length=length, frame_step=step, bands=7,
        low_hz=60.0, high_hz=3500.0,
    )  # fmt: skip
    bundle = _bundle(tmp_path, spec, frames * 7, 0.1, -128)
    pcm = np.random.default_rng(length).integers(-32_768, 32_768, 4096).astype(np.int16)

    found = _codes_in_c(bundle, tmp_path / "c", pcm, "-O2")

    reals = (pcm.astype(np.float32) / 32_768)[:, np.newaxis]
    assert np.array_equal(found, _codes_on_the_device(bundle, reals))


@pytest.mark.gcc
def test_a_window_of_samples_gives_the_daemons_codes(tmp_path: Path) -> None:
    spec = WindowInput(columns=("a", "b"), length=50, mean=(1.0, -2.0), std=(0.5, 3.0))
    bundle = _bundle(tmp_path, spec, 100, 0.25, 7)
    rng = np.random.default_rng(3)
    samples = rng.normal(size=(50, 2)).astype(np.float32) * 9
    samples[:8] = np.array([[1.0625, -1.625], [1.1875, 1e9]], np.float32)[[0, 1] * 4]  # ties, end

    found = _codes_in_c(bundle, tmp_path / "c", samples)

    assert np.array_equal(found, _codes_on_the_device(bundle, samples))


@pytest.mark.parametrize("spec", [*LEGAL[:3], LEGAL[4], ImageInput(width=2, height=2)])
def test_what_is_not_exported_is_said(tmp_path: Path, spec: Preprocessing) -> None:
    program = plan_program(dense([[1, 1]], 0.1, [0], 0.1, 0), TARGETS["host"], "net")

    found = front_end(program, Provenance("m", "0" * 64), spec)

    kind = str(spec.__struct_config__.tag)
    assert found.files == {}
    assert found.note == f"front end {kind} is not exported: feed ready codes (docs/signals.md)"


def test_features_with_scales_of_their_own_are_not_exported(tmp_path: Path) -> None:
    program = plan_program(dense([[1, 1]], 0.1, [0], 0.1, 0), TARGETS["host"], "net")
    spec = MicroLogMelInput(length=480, step=480, std=(1.0,) * 40)

    assert front_end(program, Provenance("m", "0" * 64), spec).note is not None
    assert front_end(program, Provenance("m", "0" * 64), None) == ({}, None)


def test_the_readme_names_it(tmp_path: Path) -> None:
    spec = WindowInput(columns=("a",), length=3)
    bundle = _bundle(tmp_path, spec, 3, 0.1, 0)

    exported = export_model(
        load_model(bundle), TARGETS["host"], package=cmake_files, vectors=1, prefix="net"
    )

    assert b"| `net_frontend.h` | samples to `net_input()`" in exported.files["README.md"]
    assert "net_frontend.h" in exported.record.files
