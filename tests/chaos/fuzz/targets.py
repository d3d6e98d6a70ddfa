"""Everything on the device that reads bytes of others, each with what it may answer to bad ones."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_runtime.config.loading import decode_config
from edge_runtime.config.sensors import SerialConfig
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.manifest import decode_manifest
from edge_runtime.remote.commands import VERBS, decode_command
from edge_runtime.remote.confirmations import decode_confirmation
from edge_runtime.remote.envelope import Statement, seal, unseal
from edge_runtime.remote.shadow import decode_desired
from edge_runtime.sources.image_file import image_size
from edge_runtime.sources.lines import LineBuffer
from edge_runtime.sources.serial_lines import SerialReader
from quantize.errors import QuantizeError
from quantize.load.open import open_model
from tests.chaos.fuzz import seeds
from tests.edge_runtime.bundles import brightness_bundle

REFUSALS = (EdgeRuntimeError, QuantizeError)


@dataclass(frozen=True)
class Target:
    """A decoder: what it reads well, and the call; anything but a refusal is a crash."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]


def targets(directory: Path) -> tuple[Target, ...]:
    """Return all targets; `directory` takes a bundle and the model files under test."""
    bundle = brightness_bundle(directory)
    key = Ed25519PrivateKey.generate()
    statement = Statement(
        issuer="ops", device="pi-1", verb="pause", counter=7, issued_at=1.0, expires_at=2.0,
        command=msgspec.Raw(b"{}"),
    )  # fmt: skip
    envelope = seal(statement, key)
    return (
        Target("command", seeds.COMMANDS, _every_verb),
        Target("envelope", (envelope, b"{}"), lambda data: unseal(data, key.public_key())),
        Target("signed statement", (msgspec.json.encode(statement),), _Signed(key)),
        Target("wish", seeds.WISHES, decode_desired),
        Target("confirmation", seeds.CONFIRMATIONS, decode_confirmation),
        Target("configuration", seeds.CONFIGURATION, _configuration),
        Target("manifest", ((bundle / "manifest.json").read_bytes(), b"{}"), decode_manifest),
        Target("serial lines", seeds.LINES, _Lines()),
        Target("image header", seeds.images(), image_size),
        *_models(bundle, directory),
    )


def _every_verb(data: bytes) -> object:
    verbs = sorted(VERBS)
    return decode_command(verbs[len(data) % len(verbs)], data)


def _configuration(data: bytes) -> object:
    return decode_config(data.decode("utf-8", errors="replace"))


class _Signed:
    """Statements that the fleet's key has signed, whatever is in them."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def __call__(self, data: bytes) -> object:
        parts = {"signed": data, "signature": self._key.sign(data)}
        return unseal(msgspec.json.encode(parts), self._key.public_key())


class _Lines:
    """A serial port's bytes through buffer, check sum, JSON or numbers."""

    def __init__(self) -> None:
        self._readers = (
            SerialReader(SerialConfig(port="/dev/null", format="csv"), ("a", "b")),
            SerialReader(SerialConfig(port="/dev/null"), ("a", "b.c")),
        )
        for reader in self._readers:
            reader._is_first = False

    def __call__(self, data: bytes) -> object:
        buffer = LineBuffer()
        buffer.feed(data)
        rows = []
        while (line := buffer.take()) is not None:
            rows.append(self._readers[len(line) % 2]._parse(line))
        return rows


def _models(bundle: Path, directory: Path) -> tuple[Target, ...]:
    """The readers of model files: what is read before any engine is asked."""

    def reader(file: Path) -> Callable[[bytes], object]:
        place = Path(tempfile.mkdtemp(dir=directory)) / file.name

        def read(data: bytes) -> object:
            place.write_bytes(data)
            return open_model(place)

        return read

    files = (bundle / "model.tflite", bundle / "model.onnx")
    return tuple(Target(f"model {f.suffix}", (f.read_bytes(),), reader(f)) for f in files)
