import os
from pathlib import Path

import pytest

from edge_runtime.manifest import (
    Calibration,
    Manifest,
    Provenance,
    SelfTest,
    TensorInput,
    TensorSpec,
    load_bundle,
)
from quantize.emit.bundle import NewFile, highest_version, plan_destination, write_bundle
from quantize.errors import OutputError

MANIFEST = Manifest(
    schema="edge.bundle/1",
    name="draft",
    version=1,
    task="tensor",
    inputs=(TensorSpec(name="x", shape=(1, 2), scale=0.5, zero_point=3),),
    outputs=(TensorSpec(name="y", shape=(1, 1), scale=0.25, zero_point=-1),),
    preprocessing=TensorInput(),
    decoder=None,
    labels=(),
    files=(),
    self_test=SelfTest(samples=1, max_lsb={"onnx": 2}),
    calibration=Calibration(samples=4, data_sha256="0" * 64),
    provenance=Provenance(
        model_sha256="0" * 64, model_format="onnx", profile="tflm", versions={}, recipe={}
    ),
    metrics={},
)
FILES = (
    NewFile("tflite", "model.tflite", b"integers"),
    NewFile("onnx", "model.onnx", b"the same integers"),
)


def _entries(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_device_loads_what_was_written(tmp_path: Path) -> None:
    destination = plan_destination(tmp_path, "door", None)

    written = write_bundle(destination, MANIFEST, FILES)

    assert destination.path == tmp_path / "door" / "1"
    assert load_bundle(destination.path) == written
    assert (written.name, written.version) == ("door", 1)
    assert [file.name for file in written.files] == ["model.onnx", "model.tflite"]


def test_the_same_contents_have_the_same_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_bundle(plan_destination(folder, "door", 7), MANIFEST, FILES)

    for name in ("manifest.json", "model.onnx", "model.tflite"):
        assert (tmp_path / "a/door/7" / name).read_bytes() == (
            tmp_path / "b/door/7" / name
        ).read_bytes()


def test_the_next_version_follows_the_highest(tmp_path: Path) -> None:
    for name in ("2", "10", "notes", "x3"):
        (tmp_path / "door" / name).mkdir(parents=True)

    assert highest_version(tmp_path / "door") == 10
    assert plan_destination(tmp_path, "door", None).version == 11


def test_an_existing_version_is_refused_unless_replaced(tmp_path: Path) -> None:
    write_bundle(plan_destination(tmp_path, "door", 1), MANIFEST, FILES)

    with pytest.raises(OutputError, match="door/1: exists already; --force replaces it"):
        plan_destination(tmp_path, "door", 1)
    write_bundle(plan_destination(tmp_path, "door", 1, replace=True), MANIFEST, FILES[:1])

    assert len(load_bundle(tmp_path / "door" / "1").files) == 1
    assert _entries(tmp_path) == {"door", "door/1", "door/1/manifest.json", "door/1/model.tflite"}


def test_a_version_that_arose_meanwhile_is_kept(tmp_path: Path) -> None:
    destination = plan_destination(tmp_path, "door", 1)
    (tmp_path / "door" / "1").mkdir(parents=True)

    with pytest.raises(OutputError, match="exists already"):
        write_bundle(destination, MANIFEST, FILES)

    assert _entries(tmp_path) == {"door", "door/1"}


@pytest.mark.parametrize("name", ["Door", "", "a/b", "../x", "x" * 49])
def test_an_illegal_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="allowed is"):
        plan_destination(tmp_path, name, None)


@pytest.mark.parametrize("version", [-1, 0, 10**9])
def test_a_version_that_the_device_would_not_find_is_refused(version: int, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=rf"version {version}, allowed is 1 to 999999999"):
        plan_destination(tmp_path, "door", version)


def test_an_out_that_is_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(OutputError, match="not a directory"):
        plan_destination(tmp_path / "out", "door", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_out_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(OutputError, match="Permission denied"):
        plan_destination(tmp_path / "out", "door", None)


def test_nothing_is_left_of_a_bundle_that_cannot_be_written(tmp_path: Path) -> None:
    destination = plan_destination(tmp_path / "new" / "out", "door", 1)
    bad = (*FILES, NewFile("labels", "model.onnx", b"a name taken twice"))

    with pytest.raises(OutputError):
        write_bundle(destination, MANIFEST, bad)

    assert _entries(tmp_path) == set()
