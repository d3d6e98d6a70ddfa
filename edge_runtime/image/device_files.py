"""The files of one device: its configuration, what that names, its bundles, its unit.

Paths in the configuration are the device's. A relative one starts at /etc/edge-runtime there, and
beside the configuration here: such a file travels with it. An absolute one is the device's own.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_runtime.config.credentials import credential_files
from edge_runtime.config.loading import anchored, decode_config, load_config
from edge_runtime.config.structs import Config
from edge_runtime.errors import ImageError
from edge_runtime.manifest import MANIFEST_NAME, load_bundle
from edge_runtime.models.signature import SIGNATURE_NAME
from edge_runtime.models.store import find_bundle
from edge_runtime.unit.needs import needs_of
from edge_runtime.unit.service import INSTALLED, Program, unit_text

SETTINGS = PurePosixPath("/etc/edge-runtime")
UNITS = PurePosixPath("/etc/systemd/system")
STATE = PurePosixPath("/var/lib/private")  # where systemd keeps what a DynamicUser owns
SECRET, READABLE = 0o600, 0o644
OURS = (SETTINGS, STATE)  # other directories keep the owner and mode that they have


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link's target."""

    target: str


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """One file or link.

    Attributes:
        place: Absolute, on the device.
    """

    place: PurePosixPath
    content: bytes | Link
    mode: int = READABLE


def device_files(path: Path, bundles: Sequence[Path]) -> tuple[DeviceFile, ...]:
    """Return everything that one device gets besides the package.

    Args:
        path: The configuration; it becomes /etc/edge-runtime/ID.toml.
        bundles: Directories with a manifest, or NAME/ with versions in it. A model that none of
            them is comes from a relative `models_dir`.

    Raises:
        ConfigError: The configuration is wrong.
        BundleError: A bundle is incomplete or changed.
        ImageError: Something that the configuration names is not there.
    """
    load_config(path)  # its messages name the file
    text = path.read_text(encoding="utf-8")
    config = decode_config(text)
    on_device = anchored(config, Path(SETTINGS))
    place = SETTINGS / f"{config.device.id}.toml"
    unit = UNITS / unit_name(config.device.id)
    program = Program((str(INSTALLED),), ())
    return (
        DeviceFile(place, text.encode()),
        *_named_files(config, path.absolute().parent),
        *_bundle_files(config, on_device, path.absolute().parent, bundles),
        DeviceFile(unit, unit_text(on_device, Path(place), program).encode()),
        DeviceFile(UNITS / "multi-user.target.wants" / unit.name, Link(f"../{unit.name}")),
    )


def unit_name(device: str) -> str:
    """Return what systemd calls a device's daemon."""
    return f"edge-runtime-{device}.service"


def as_archive(files: Iterable[DeviceFile]) -> bytes:
    """Return files as a tar archive to be unpacked in `/`; the same files give the same bytes."""
    stream = io.BytesIO()
    made: set[PurePosixPath] = set()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            for directory in reversed(file.place.parents):
                is_ours = any(directory.is_relative_to(place) for place in OURS)
                if is_ours and directory not in made:
                    made.add(directory)
                    archive.addfile(_directory_entry(directory))
            _add(archive, file)
    return stream.getvalue()


def _named_files(config: Config, here: Path) -> Iterator[DeviceFile]:
    """Yield what relative paths of the configuration name: secrets, recordings, libraries."""
    secrets = set(credential_files(config).values())
    named = secrets | set(needs_of(config).files)
    if config.models_dir is not None:
        named.discard(Path(config.models_dir))
    keys = (config.commands.fleet_key_file, config.models_key_file)
    named |= {Path(key) for key in keys if key is not None}
    for path in sorted(path for path in named if not path.is_absolute()):
        if ".." in path.parts:
            raise ImageError(f"{path}: allowed are files beside the configuration, and absolute")
        if not (here / path).exists():
            raise ImageError(f"{here / path}: the configuration names it, and it is not there")
        mode = SECRET if path in secrets else READABLE
        for file in _files_below(here / path):
            yield DeviceFile(SETTINGS / file.relative_to(here), file.read_bytes(), mode)


def _files_below(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _bundle_files(
    config: Config, on_device: Config, here: Path, bundles: Sequence[Path]
) -> Iterator[DeviceFile]:
    given = {}
    for directory in (find_bundle(f"{path.absolute()}/", Path()) for path in bundles):
        manifest = load_bundle(directory)
        given[f"{manifest.name}@{manifest.version}"] = directory
    names = {model.model for pipeline in config.pipeline for model in pipeline.models}
    for name in sorted(name for name in names if "/" not in name):
        if not any(name in (reference, reference.partition("@")[0]) for reference in given):
            found = find_bundle(name, _local_models(config, here, name, given))
            manifest = load_bundle(found)
            given[f"{manifest.name}@{manifest.version}"] = found
    place = _models_place(on_device)
    for reference, directory in sorted(given.items()):
        name, version = reference.split("@")
        files = [MANIFEST_NAME, *sorted(file.name for file in load_bundle(directory).files)]
        if (directory / SIGNATURE_NAME).is_file():
            files.append(SIGNATURE_NAME)
        for file in files:
            yield DeviceFile(place / name / version / file, (directory / file).read_bytes())


def _local_models(config: Config, here: Path, name: str, given: Iterable[str]) -> Path:
    if config.models_dir is None or Path(config.models_dir).is_absolute():
        known = ", ".join(sorted(given)) or "none"
        raise ImageError(f"model {name!r}: not among the bundles given (--bundle): {known}")
    return here / config.models_dir


def _models_place(on_device: Config) -> PurePosixPath:
    if on_device.models_dir is not None:
        return PurePosixPath(on_device.models_dir)
    return STATE / "edge-runtime" / on_device.device.id / "models"


def _directory_entry(directory: PurePosixPath) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(str(directory.relative_to("/")))
    entry.type = tarfile.DIRTYPE
    entry.mode = 0o700 if directory == STATE else 0o755
    return _of_root(entry)


def _add(archive: tarfile.TarFile, file: DeviceFile) -> None:
    entry = _of_root(tarfile.TarInfo(str(file.place.relative_to("/"))))
    if isinstance(file.content, Link):
        entry.type, entry.linkname = tarfile.SYMTYPE, file.content.target
        archive.addfile(entry)
        return
    entry.size, entry.mode = len(file.content), file.mode
    archive.addfile(entry, io.BytesIO(file.content))


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uname = entry.gname = "root"
    return entry
