"""The kernels: C files that go into every export as they are."""

from importlib.resources import files
from importlib.resources.abc import Traversable

FOLDER = "kernels"


def kernel_files() -> dict[str, bytes]:
    """Return every kernel file: its path below the export, and its content."""
    return dict(_walk(files("firmware_export") / "c", FOLDER))


def _walk(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found += _walk(entry, name)
        elif entry.name.endswith((".h", ".c")):
            found.append((name, entry.read_bytes()))
    return found
