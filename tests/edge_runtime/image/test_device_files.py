import io
import tarfile
from pathlib import Path

import pytest

from edge_runtime.errors import BundleError, ConfigError, ImageError
from edge_runtime.image.device_files import DeviceFile, Link, as_archive, device_files
from tests.edge_runtime.image.cards import certificate, config

MODELS = "/var/lib/private/edge-runtime/porch/models"


def by_place(files: tuple[DeviceFile, ...]) -> dict[str, DeviceFile]:
    return {str(file.place): file for file in files}


def test_configuration_bundle_and_unit_lie_where_the_daemon_looks(tmp_path: Path) -> None:
    path = config(tmp_path)

    files = by_place(device_files(path, [tmp_path / "bundles/brightness"]))

    assert files["/etc/edge-runtime/porch.toml"].content == path.read_bytes()
    assert f"{MODELS}/brightness/1/model.onnx" in files
    unit = files["/etc/systemd/system/edge-runtime-porch.service"].content
    assert isinstance(unit, bytes)
    assert b"ExecStart=/opt/edge-runtime/bin/edge-runtime run /etc/edge-runtime/porch.toml" in unit
    wants = "/etc/systemd/system/multi-user.target.wants/edge-runtime-porch.service"
    assert files[wants].content == Link("../edge-runtime-porch.service")


def test_what_the_configuration_names_travels_and_secrets_stay_secret(tmp_path: Path) -> None:
    certificate(tmp_path / "tls/ca.pem", days_left=9)
    (tmp_path / "password").write_text("secret\n")
    mqtt = 'username = "porch"\npassword_file = "password"\ntls = { ca = "tls/ca.pem" }\n'
    mqtt += '[commands]\nfleet_key_file = "fleet.pub"\n'
    (tmp_path / "fleet.pub").write_text("key")

    files = by_place(device_files(config(tmp_path, mqtt=mqtt), [tmp_path / "bundles/brightness"]))

    assert files["/etc/edge-runtime/password"].mode == 0o600
    assert files["/etc/edge-runtime/tls/ca.pem"].mode == 0o600
    assert files["/etc/edge-runtime/fleet.pub"].mode == 0o644
    unit = files["/etc/systemd/system/edge-runtime-porch.service"].content
    assert isinstance(unit, bytes)
    assert b"LoadCredential=mqtt-password:/etc/edge-runtime/password" in unit


def test_an_absolute_path_is_the_devices_own(tmp_path: Path) -> None:
    path = config(tmp_path, mqtt='tls = { ca = "/etc/ssl/certs/ca-certificates.crt" }')

    places = by_place(device_files(path, [tmp_path / "bundles/brightness"]))

    assert not any("ca-certificates" in place for place in places)


def test_bundles_of_a_relative_models_directory_need_not_be_given(tmp_path: Path) -> None:
    path = config(tmp_path)
    path.write_text('models_dir = "bundles"\n' + path.read_text())

    places = by_place(device_files(path, []))

    assert "/etc/edge-runtime/bundles/brightness/1/manifest.json" in places


def test_a_directory_of_recordings_travels_whole(tmp_path: Path) -> None:
    path = config(tmp_path)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/1.png").write_bytes(b"png")
    source = 'source = { kind = "files", path = "frames" }'
    path.write_text(path.read_text().replace('source = { kind = "synthetic" }', source))

    places = by_place(device_files(path, [tmp_path / "bundles/brightness"]))

    assert "/etc/edge-runtime/frames/1.png" in places


@pytest.mark.parametrize(
    ("mqtt", "message"),
    [
        ('tls = { ca = "ca.pem" }', "ca.pem: the configuration names it, and it is not there"),
        ('tls = { ca = "../ca.pem" }', "allowed are files beside the configuration"),
    ],
)
def test_a_file_that_cannot_travel_is_refused(tmp_path: Path, mqtt: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        device_files(config(tmp_path, mqtt=mqtt), [tmp_path / "bundles/brightness"])


def test_a_model_that_nobody_gave_is_refused_with_those_given(tmp_path: Path) -> None:
    path = config(tmp_path, model="door")

    with pytest.raises(ImageError, match=r"model 'door': not among .*: brightness@1"):
        device_files(path, [tmp_path / "bundles/brightness"])


def test_a_version_that_nobody_gave_is_refused(tmp_path: Path) -> None:
    path = config(tmp_path, model="brightness@2")

    with pytest.raises(ImageError, match=r"model 'brightness@2': not among"):
        device_files(path, [tmp_path / "bundles/brightness"])


def test_a_changed_bundle_and_a_wrong_configuration_are_refused(tmp_path: Path) -> None:
    path = config(tmp_path)
    (tmp_path / "bundles/brightness/1/model.onnx").write_bytes(b"changed")
    with pytest.raises(BundleError):
        device_files(path, [tmp_path / "bundles/brightness"])

    path.write_text("nonsense = 1")
    with pytest.raises(ConfigError, match=r"porch\.toml"):
        device_files(path, [])


def test_the_archive_is_roots_private_where_it_must_be_and_the_same_each_time(
    tmp_path: Path,
) -> None:
    files = device_files(config(tmp_path), [tmp_path / "bundles/brightness"])

    data = as_archive(files)

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        entries = {entry.name: entry for entry in archive}
    assert entries["var/lib/private"].mode == 0o700
    assert entries["etc/edge-runtime"].mode == 0o755
    assert "etc" not in entries  # its mode is not ours to set
    assert {(entry.uid, entry.mtime) for entry in entries.values()} == {(0, 0)}
    assert data == as_archive(files)
