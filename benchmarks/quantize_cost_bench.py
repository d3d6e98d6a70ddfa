"""What quantizing costs beside ONNX Runtime's static min-max, the parts that both do by themselves.

`python benchmarks/quantize_cost_bench.py DIR` prints a Markdown table; DIR holds the models and
evaluation sets of `make bench-quantize`. Every run is a process, timed after its imports.
"up to the files" is ours without what only measures (evaluation, parity, explanation),
but with all of the stage that writes: both model files, self-test, report and page.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODELS = (("kws_dscnn", "kws01"), ("ic_resnet8", "cifar10_raw"), ("ic_resnet_large", "cifar10_raw"))
MEASURING = {"evaluate", "parity", "explain"}
MIN_MAX = """range_methods = ["min_max"]
equalize_strength = 0.0
weight_rounding = "nearest"
bias_correction = false
search_samples = 0
"""
HEAD = ("model", "by", "up to the files s", "whole s", "peak MiB")


def main() -> None:
    """Run all three ways on each model."""
    shared = Path(sys.argv[1])
    print(*(f"| {name} " for name in HEAD), "|\n", "|---" * len(HEAD), "|", sep="")
    for model, data in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            source = shared / "models" / "mlperf_tiny" / f"{model}_float.onnx"
            for row in _rows(source, shared / "evalsets" / data, Path(folder)):
                print(f"| {model} | {' | '.join(row)} |", flush=True)


def _rows(source: Path, data: Path, folder: Path) -> list[tuple[str, ...]]:
    recipe = folder / "min_max.toml"
    recipe.write_text(MIN_MAX)
    calibration, evaluation = data / "calib.npz", data / "eval.npz"
    ours = ("-m", "quantize", "run", source, "--calibrate", calibration, "--evaluate", evaluation,
            "--out", folder / "out", "--json")  # fmt: skip
    peer = (HERE / "ort_static_peer.py", source, calibration, evaluation, folder / "ort.onnx")
    return [
        _ours("ours", _facts(*ours)),
        _ours("ours, min-max", _facts(*ours, "--recipe", recipe)),
        _peer("ORT min-max", _facts(*peer, "minmax")),
    ]


def _facts(*command: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *map(str, command)], check=True, stdout=subprocess.PIPE, text=True
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def _ours(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    files = sum(taken for stage, taken in facts["stages_s"].items() if stage not in MEASURING)
    return name, f"{files:.2f}", f"{facts['wall_s']:.2f}", _mib(facts)


def _peer(name: str, facts: dict[str, Any]) -> tuple[str, ...]:
    return name, f"{facts['wall_s']:.2f}", "-", _mib(facts)


def _mib(facts: dict[str, Any]) -> str:
    return f"{facts['peak_rss_bytes'] / 2**20:.0f}"


if __name__ == "__main__":
    main()
