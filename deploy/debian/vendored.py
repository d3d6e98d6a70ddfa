"""The libraries of the package: wheels of another machine, less what the daemon never loads."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_GLIBC_MINOR = 17  # of manylinux2014


@dataclass(frozen=True, slots=True)
class Release:
    """A Debian release, and what its Python is called in wheels.

    Attributes:
        glibc: The newest manylinux that its C library satisfies, as (major, minor).
    """

    name: str
    python: tuple[int, int]
    glibc: tuple[int, int]


# Patterns below the libraries' directory. tests/deploy/ runs both engines, the camera library and
# the signing commands on what is left.
NEVER_LOADED = (
    "bin", "quantize", "firmware_export",  # scripts with our interpreter's path; offline packages
    "**/__pycache__", "**/*.pyi", "**/*.pxd", "**/*.a",
    "*.dist-info/direct_url.json", "*.dist-info/INSTALLER", "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "numpy/**/tests", "numpy/_core/include", "numpy/distutils", "numpy/f2py",
    "numpy/_pyinstaller",
    "numpy/_core/_operand_flag_tests.*", "numpy/_core/_rational_tests.*",
    "numpy/_core/_struct_ufunc_tests.*",
    # The C library for other programs; Python's module has all of it inside.
    "onnxruntime/capi/libonnxruntime.so.*",
    "onnxruntime/backend", "onnxruntime/datasets", "onnxruntime/quantization",
    "onnxruntime/tools", "onnxruntime/transformers",
    # Compilers for phones' accelerators and the path through WebGPU: the engine is the CPU's.
    "ai_edge_litert/aot", "ai_edge_litert/tools", "ai_edge_litert/vendors",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
    "tqdm/completion.sh", "cv2/data",  # faces by Haar cascades
)  # fmt: skip


def install_libraries(target: Path, release: Release, machine: str, extras: str) -> None:
    """Put the project's wheel and those that it needs below `target`, for another machine."""
    with tempfile.TemporaryDirectory(prefix="edge-wheel-") as wheels:
        pip("wheel", "--no-deps", "--wheel-dir", wheels, str(ROOT))
        (wheel,) = Path(wheels).glob("edge_runtime-*.whl")
        pip(
            "install", "--target", str(target), "--no-compile", "--only-binary=:all:",
            *target_options(release, machine), f"{wheel}[{extras}]",
        )  # fmt: skip
    trim(target)


def target_options(release: Release, machine: str) -> list[str]:
    """Return what tells pip to take the wheels of a release's Python on a machine."""
    major, minor = release.python
    glibc = range(release.glibc[1], OLDEST_GLIBC_MINOR - 1, -1)
    platforms = [*(f"manylinux_2_{n}_{machine}" for n in glibc), f"manylinux2014_{machine}"]
    return [
        *(f"--platform={name}" for name in platforms),
        f"--python-version={major}.{minor}", "--implementation=cp",
        f"--abi=cp{major}{minor}", "--abi=abi3", "--abi=none",
    ]  # fmt: skip


def trim(target: Path) -> None:
    """Remove what is never loaded; modules are no programs, so they lose mode and first line."""
    for pattern in NEVER_LOADED:
        for path in sorted(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in target.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    for module in target.rglob("*.py"):
        data = module.read_bytes()
        if data.startswith(b"#!"):
            module.write_bytes(b"# " + data[2:])


def pip(*arguments: str) -> None:
    """Run pip, quietly; what it says of packages that are not in the target is not of interest."""
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pip {arguments[0]}: {done.stderr.strip()}")
