"""The quantizer table: our integers beside ONNX Runtime's, on the same models and samples.

python benchmarks/quantize_bench.py [--shared DIR] [--only NAME]… [--no-peer] [--json FILE]

Each model goes through `edge-quantize run` in a process of its own, so that wall time and peak
memory are that model's alone; with the peer (needs onnxruntime) ONNX Runtime's min-max
per-channel quantization runs right after it in the same way. Times hang on the machine and its
load: compare them within one run. Published figures are those our design set itself as targets.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PEER = Path(__file__).with_name("ort_static_peer.py")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One model, its samples, and the figures that were published for it.

    Attributes:
        title: For the table.
        model: Below the folder of shared assets.
        samples: Folder with calib.npz and eval.npz there, or the name of a synthetic set.
        task: Given where it cannot be inferred.
        published: ONNX Runtime 1.32, measured once: min-max and percentile, per channel.
        bar: What the design asks of us.
    """

    title: str
    model: str
    samples: str
    task: str | None = None
    published: str = "-"
    bar: str = "-"


CASES = (
    Case(
        "KWS DS-CNN",
        "models/mlperf_tiny/kws_dscnn_float.onnx",
        "evalsets/kws01",
        published="27.98 dB, 0.9951 / 28.29 dB, 0.9877",
        bar="28.3 dB, 0.990",
    ),
    Case(
        "IC ResNet8",
        "models/mlperf_tiny/ic_resnet8_float.onnx",
        "evalsets/cifar10_raw",
        published="23.02 dB, 0.9718 / 23.16 dB, 0.9882",
        bar="23.2 dB, 0.985",
    ),
    Case(
        "ResNet-large",
        "models/mlperf_tiny/ic_resnet_large_float.onnx",
        "evalsets/cifar10_raw",
        published="24.51 dB, 0.9906 / 26.71 dB, 0.9953",
        bar="26.7 dB, 0.993",
    ),
    Case(
        "hello_world",
        "models/tflm/hello_world_float.onnx",
        "sine",
        published="32.3 dB, RMSE 0.024 / 32.1 dB",
        bar="32 dB",
    ),
    Case("VWW (synthetic)", "models/mlperf_tiny/vww_mbv1_025_float.onnx", "images"),
    Case("AD (synthetic)", "models/mlperf_tiny/ad_fcae_float_official.onnx", "spectra", "anomaly"),
)


def main() -> None:
    """Measure, print the Markdown table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--only", action="append", metavar="NAME", help="part of a title")
    parser.add_argument("--no-peer", action="store_true", help="do not run ONNX Runtime's own")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    if not (arguments.shared / "models").is_dir():
        print("The reference models are not beside this checkout (--shared DIR): nothing measured.")
        return
    chosen = [case for case in CASES if _is_chosen(case, arguments.only)]
    rows = [measure(case, arguments.shared, has_peer=not arguments.no_peer) for case in chosen]
    print(markdown(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(case: Case, shared: Path, *, has_peer: bool) -> dict[str, Any]:
    """Return our figures, and the peer's from the same minute."""
    with tempfile.TemporaryDirectory() as folder:
        calibrate, evaluate = _samples(case, shared, Path(folder))
        model = shared / case.model
        task = ["--task", case.task] if case.task else []
        ours = _json_of(
            "-m", "quantize", "run", model, "--calibrate", calibrate, "--evaluate", evaluate,
            "--out", Path(folder) / "out", "--json", *task,
        )  # fmt: skip
        peer = _json_of(PEER, model, calibrate, evaluate) if has_peer else None
    ours["bundle"] = Path(ours["bundle"]).name
    return {"case": asdict(case), "ours": ours, "peer": peer}


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return three tables: accuracy, parity, cost."""
    return "\n\n".join((_accuracy(rows), _parity(rows), _cost(rows)))


def _is_chosen(case: Case, names: list[str] | None) -> bool:
    return not names or any(name.lower() in case.title.lower() for name in names)


def _json_of(*command: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _samples(case: Case, shared: Path, folder: Path) -> tuple[Path, Path]:
    """Return the files to calibrate and to evaluate with."""
    if case.samples not in SYNTHETIC:
        return shared / case.samples / "calib.npz", shared / case.samples / "eval.npz"
    calibrate, evaluate = SYNTHETIC[case.samples](np.random.default_rng(20261123))
    np.savez(folder / "calib.npz", **calibrate)
    np.savez(folder / "eval.npz", **evaluate)
    return folder / "calib.npz", folder / "eval.npz"


Arrays = dict[str, np.ndarray]


def _sine(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """200 random points to calibrate; 1,000 on a line, whose sine is known."""
    x = np.linspace(0, 2 * np.pi, 1000, dtype=np.float32)[:, np.newaxis]
    random = rng.uniform(0, 2 * np.pi, (200, 1)).astype(np.float32)
    return {"x": random}, {"x": x, "y": np.sin(x)}


def _images(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Blocks of random colour, 96x96, 0..1: no photographs, so agreement says little."""

    def some(count: int) -> Arrays:
        blocks = rng.random((count, 12, 12, 3), np.float32)
        return {"x": blocks.repeat(8, axis=1).repeat(8, axis=2)}

    return some(100), some(100)


def _spectra(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Five frames of one random spectrum with noise; every second one of `eval` has more."""
    mean = rng.normal(-25, 6, 128)

    def some(count: int, noise: np.ndarray) -> np.ndarray:
        common = rng.normal(0, 5, (count, 1, 128))
        frames = mean + common + rng.normal(0, 1, (count, 5, 128)) * noise[:, None, None]
        return frames.reshape(count, 640).astype(np.float32)

    labels = np.arange(200) % 2
    calibrate = some(200, np.full(200, 3.0))
    return {"x": calibrate}, {"x": some(200, 3.0 + labels), "y": labels}


SYNTHETIC = {"sine": _sine, "images": _images, "spectra": _spectra}


def _accuracy(rows: list[dict[str, Any]]) -> str:
    head = (
        "model",
        "metric float → int8",
        "SQNR dB",
        "of logits",
        "agreement",
        "ORT min-max now",
        "ORT min-max / percentile, published in the design",
        "bar",
    )
    return _table(head, [_accuracy_cells(row) for row in rows])


def _accuracy_cells(row: dict[str, Any]) -> tuple[str, ...]:
    ours, peer, case = row["ours"], row["peer"], row["case"]
    metric, has_classes = ours["metric"], ours["task"] == "classification"
    theirs = _number(peer and peer["sqnr_db"], 2)
    return (
        case["title"],
        f"{metric['name']} {metric['float']:.4f} → {metric['int8']:.4f}" if metric else "-",
        _number(ours["sqnr_db"], 2),
        _number(ours["logits_sqnr_db"], 2),
        _number(ours["agreement"], 4),
        f"{theirs}, {peer['agreement']:.4f}" if peer and has_classes else theirs,
        case["published"],
        case["bar"],
    )


def _parity(rows: list[dict[str, Any]]) -> str:
    head = (
        "model",
        "executor",
        "one operation, max LSB",
        "logits, max LSB",
        "logits that differ",
        "changed predictions",
    )
    cells = [
        (
            row["case"]["title"],
            name,
            str(parity["operation_max_lsb"]),
            str(parity["max_lsb"]),
            f"{100 * parity['differing_share']:.2f} %",
            f"{_number(parity['changed_predictions'], 0)} of {parity['samples']}",
        )
        for row in rows
        for name, parity in row["ours"]["parity"].items()
    ]
    return _table(head, cells)


def _cost(rows: list[dict[str, Any]]) -> str:
    head = (
        "model",
        "int8 ONNX",
        "of ORT's",
        "int8 TFLite",
        "quantize s",
        "with report s",
        "ORT s",
        "peak MiB",
        "ORT peak MiB",
    )
    return _table(head, [_cost_cells(row) for row in rows])


def _cost_cells(row: dict[str, Any]) -> tuple[str, ...]:
    ours, peer = row["ours"], row["peer"]
    size = ours["files"]["onnx_bytes"]
    return (
        row["case"]["title"],
        f"{size:,}",
        _number(peer and size / peer["onnx_bytes"], 2),
        f"{ours['files']['tflite_bytes']:,}",
        f"{quantize_seconds(ours):.2f}",
        f"{ours['wall_s']:.2f}",
        _number(peer and peer["wall_s"], 2),
        f"{ours['peak_rss_bytes'] / MIB:.0f}",
        _number(peer and peer["peak_rss_bytes"] / MIB, 0),
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def quantize_seconds(ours: dict[str, Any]) -> float:
    """Return the time until the integers stood: every stage but those that only measure."""
    measured = {"evaluate", "parity", "write"}
    return sum(taken for stage, taken in ours["stages_s"].items() if stage not in measured)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
