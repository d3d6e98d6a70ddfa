"""docs/quantizer.md tells the truth."""

import re
from pathlib import Path

import numpy as np
import pytest

from quantize.console.settings_files import read_preprocessing
from quantize.job import Job
from quantize.pipeline import run_job
from quantize.recipe import read_recipe
from tests.conftest import ROOT
from tests.quantize.cases import save_classifier, save_classifier_data

DOCUMENT = (ROOT / "docs" / "quantizer.md").read_text(encoding="utf-8")


def test_the_preprocessing_and_the_recipe_it_shows_are_read(tmp_path: Path) -> None:
    block, recipe = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    path = tmp_path / "preprocess.toml"
    path.write_text(block, encoding="utf-8")

    assert read_preprocessing(path).std == (255.0,)
    assert read_recipe(recipe).int16_layers == ("conv_3", "logits")


@pytest.mark.tflite
@pytest.mark.ort
def test_the_files_it_names_are_those_of_a_bundle(tmp_path: Path) -> None:
    model, data = save_classifier(tmp_path), save_classifier_data(tmp_path)

    job = Job(model=model, calibrate=data, out=tmp_path / "out")
    bundle = run_job(job, lambda *_: None).bundle

    section = DOCUMENT.split("## The bundle")[1].split("## ")[0]
    named = set(re.findall(r"`([a-z]+\.(?:json|html|onnx|tflite|npz|txt))`", section))
    assert named == {path.name for path in bundle.iterdir()}
    with np.load(bundle / "calibration.npz") as arrays:
        assert {"input_0_counts", "input_0_first", "input_0_exponent"} <= set(arrays)
