"""A detector goes through `edge-quantize run` and comes out as a bundle that the device takes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.decoders.specs import Yolov8Decoder
from edge_runtime.engines.protocol import EngineSettings
from edge_runtime.engines.selection import load_engine
from edge_runtime.errors import BundleError
from edge_runtime.manifest import ImageInput, answer_keys, load_bundle
from edge_runtime.pipeline import Model, predict
from edge_runtime.preprocess import image_tensor
from edge_runtime.records import Detection, Frame, FrameRef
from edge_runtime.worker.self_test import run_self_test
from quantize.job import Job
from quantize.pipeline import run_job
from tests.edge_runtime.blobs import DECODER, LABELS, blob_model, paint, squares
from tests.edge_runtime.decoders import boxes as judge
from tests.onnx_models import floats, node, onnx_bytes
from tests.quantize.command import run

CLASSES = 3
CHANNELS = 64 + CLASSES
FORMS = {
    "p8 p16": Yolov8Decoder(heads=(("p8",), ("p16",)), strides=(8, 16)),
    "y": Yolov8Decoder(heads=(("y",),), strides=(8, 16)),  # channels last in the bundle
    "z": Yolov8Decoder(heads=(("z",),), strides=(8, 16)),
}
pytestmark = [pytest.mark.ort, pytest.mark.tflite]

IMAGE_TOML = 'kind = "image"\nwidth = 64\nheight = 64\nresize = "letterbox"\nstd = [255.0]\n'
DECODER_TOML = """
kind = "centernet"
heatmap = "heat"
sizes = "sizes"
offsets = "offsets"
stride = 2
activation = "none"
threshold = 0.6
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        image = paint(squares(rng, 3), (64, 64))
        cv2.imwrite(str(folder / "images" / f"{number}.png"), image)
    for name, text in (("image", IMAGE_TOML), ("decoder", DECODER_TOML)):
        (folder / f"{name}.toml").write_text(text)
    (folder / "labels.txt").write_text("red\ngreen\n")
    (folder / "blobs.onnx").write_bytes(blob_model())

    result = run(
        folder / "blobs.onnx", folder / "images", folder / "out",
        "--preprocess", folder / "image.toml", "--decoder", folder / "decoder.toml",
        "--labels", folder / "labels.txt", "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["task"] == "tensor"
    assert facts["sqnr_db"] > 30
    return Path(facts["bundle"])


def test_the_manifest_says_what_the_outputs_mean(bundle: Path) -> None:
    manifest = load_bundle(bundle)

    assert manifest.task == "detection"
    assert manifest.decoder == DECODER
    assert manifest.labels == LABELS
    assert (bundle / "labels.txt").read_text() == "red\ngreen\n"
    assert [output.name for output in manifest.outputs] == ["heat", "sizes", "offsets"]


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_every_output_is_in_the_self_test(bundle: Path, engine: str) -> None:
    manifest = load_bundle(bundle)
    loaded = load_engine(engine, manifest, bundle, EngineSettings(threads=1))  # type: ignore[arg-type]

    assert run_self_test(loaded, manifest, bundle) <= manifest.self_test.max_lsb[engine]
    with np.load(bundle / "selftest.npz") as arrays:
        assert {*answer_keys(engine, 3)} <= {*arrays}


def test_labels_that_are_not_as_many_as_classes_are_refused_before_any_work(
    bundle: Path, tmp_path: Path
) -> None:
    folder = bundle.parents[2]
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")

    result = run(
        folder / "blobs.onnx", folder / "images", tmp_path / "out",
        "--preprocess", folder / "image.toml", "--decoder", folder / "decoder.toml",
        "--labels", tmp_path / "labels.txt",
    )  # fmt: skip

    assert result.exit_code == 1
    assert "3 labels, the model has 2 classes" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_of_another_shape_is_refused_at_load(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "1"
    copy.mkdir()
    for file in bundle.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    facts = json.loads((copy / "manifest.json").read_text())
    facts["outputs"][1]["shape"] = [1, 25, 25, 3]
    (copy / "manifest.json").write_text(json.dumps(facts))

    with pytest.raises(BundleError, match=r"output 'sizes': shape \(1, 25, 25, 3\)"):
        load_bundle(copy)


def yolo_like(outputs: str) -> bytes:
    """Two grids of a random network, by themselves or joined as exporters join them."""
    constants = {
        "w1": floats(16, 3, 8, 8, seed=1) * 0.05,
        "w2": floats(16, 16, 2, 2, seed=2) * 0.1,
        "h1": floats(CHANNELS, 16, 1, 1, seed=3) * 0.5,
        "h2": floats(CHANNELS, 16, 1, 1, seed=4) * 0.5,
        "r1": np.array([1, CHANNELS, 64], np.int64),
        "r2": np.array([1, CHANNELS, 16], np.int64),
    }
    nodes = [
        node("Conv", "x w1", "a", strides=[8, 8]),
        node("Relu", "a", "ar"),
        node("Conv", "ar w2", "b", strides=[2, 2]),
        node("Relu", "b", "br"),
        node("Conv", "ar h1", "p8"),
        node("Conv", "br h2", "p16"),
        node("Reshape", "p8 r1", "q8"),
        node("Reshape", "p16 r2", "q16"),
        node("Concat", "q8 q16", "y", axis=2),
        node("Transpose", "y", "z", perm=[0, 2, 1]),
    ]
    used = {"p8 p16": 6, "y": 9, "z": 10}[outputs]
    known = {name: value for name, value in constants.items() if used > 6 or name[0] != "r"}
    return onnx_bytes(nodes[:used], {"x": [1, 3, 64, 64]}, known, outputs.split())


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
@pytest.mark.parametrize("outputs", [*FORMS])
def test_the_forms_that_exporters_give_yolov8_are_decoded_on_the_device(
    tmp_path: Path, rng: np.random.Generator, outputs: str, engine: str
) -> None:
    (tmp_path / "images").mkdir()
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for number in range(6):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.roll(image, 9 * number, 1))
    (tmp_path / "yolo.onnx").write_bytes(yolo_like(outputs))
    spec = ImageInput(width=64, height=64, std=(255.0,))
    job = Job(
        model=tmp_path / "yolo.onnx", calibrate=tmp_path / "images", out=tmp_path / "out",
        preprocessing=spec, decoder=FORMS[outputs], page=False,
    )  # fmt: skip
    bundle = run_job(job, lambda _stage, _done, _total: None).bundle
    manifest = load_bundle(bundle)
    loaded = load_engine(engine, manifest, bundle, EngineSettings(threads=1))  # type: ignore[arg-type]

    frame = Frame(FrameRef("s", 0, 0.0, 0.0), image)
    decoded = predict(frame, Model(manifest, loaded), 0.55).decoded

    assert isinstance(decoded, Detection)
    raw = loaded.run({manifest.inputs[0].name: image_tensor(image, spec)})
    if outputs == "p8 p16":
        heads = [raw["p8"], raw["p16"]]
    else:
        rows = raw[outputs][0]
        heads = [rows[:64].reshape(1, 8, 8, -1), rows[64:].reshape(1, 4, 4, -1)]
    boxes, classes = [h[..., :64] for h in heads], [h[..., 64:] for h in heads]
    found = judge.distances(boxes, classes, (8, 16), 16, 0.5)
    judge.assert_same(decoded.objects, judge.suppressed(found, 0.55, 0.45), (64, 64))
