"""The arrows between the packages, seen from a fresh interpreter."""

import subprocess
import sys

OFFLINE = {
    "onnx", "flatbuffers", "torch", "tensorflow", "sklearn", "skl2onnx", "rich", "matplotlib",
    "quantize", "firmware_export", "amqtt",
}  # fmt: skip
HEAVY = {"cv2", "onnxruntime", "ai_edge_litert", "flask", "serial", "prometheus_client"}


def _modules_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_daemon_imports_nothing_offline() -> None:
    assert not _modules_after("import edge_runtime.app, edge_runtime.worker.process") & OFFLINE


def test_the_daemon_imports_engines_and_cameras_only_when_they_are_used() -> None:
    assert not _modules_after("import edge_runtime.app, edge_runtime.worker.process") & HEAVY


def test_the_integer_graph_imports_numpy_and_nothing_else() -> None:
    loaded = _modules_after("import quantize.ir.interpreter, quantize.ir.spec")

    assert not loaded & (OFFLINE - {"quantize"} | HEAVY | {"click", "msgspec", "paho"})


def test_a_command_line_starts_without_its_heavy_libraries() -> None:
    assert not _modules_after("import edge_runtime.cli") & (OFFLINE | HEAVY)
