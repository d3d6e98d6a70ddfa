"""The quantizer table: our integers beside the peers', on the same models and samples.

python benchmarks/quantize_bench.py [--shared DIR] [--only NAME]… [--no-peers] [--json FILE]

Each model goes through `edge-quantize run` in a process of its own, so that wall time and peak
memory are that model's alone; the peers run right after it in the same way: ONNX Runtime's static
quantization, per channel, by each of its range methods, and ai-edge-quantizer where there is a
float TFLite file of the model (it takes nothing else). Times hang on the machine and its load:
compare them within one run. Bar and goal are what the design asks of us.
"""

import argparse
import importlib.util
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
HERE = Path(__file__).parent
METHODS = ("minmax", "percentile", "entropy")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """One model, its samples, and what the design asks of it.

    Attributes:
        title: For the table.
        model: Below the folder of shared assets, or of this checkout.
        samples: Folder with calib.npz and eval.npz there, or the name of a set that is made here.
        tflite: The same float model for ai-edge-quantizer; None where there is none.
        task: Given where it cannot be inferred.
        bar: What the design asks of us.
        goal: What it hopes for.
    """

    title: str
    model: str
    samples: str
    tflite: str | None = None
    task: str | None = None
    bar: str = "-"
    goal: str = "-"


TINY = "models/mlperf_tiny"
CASES = (
    Case(
        "KWS DS-CNN",
        f"{TINY}/kws_dscnn_float.onnx",
        "evalsets/kws01",
        f"{TINY}/kws_dscnn_float.tflite",
        bar="28.3 dB, 0.990",
        goal="30.5 dB, 0.9975",
    ),
    Case(
        "IC ResNet8",
        f"{TINY}/ic_resnet8_float.onnx",
        "evalsets/cifar10_raw",
        f"{TINY}/ic_resnet8_float_sig.tflite",
        bar="23.2 dB, 0.985",
        goal="26 dB, 0.993",
    ),
    Case(
        "ResNet-large",
        f"{TINY}/ic_resnet_large_float.onnx",
        "evalsets/cifar10_raw",
        f"{TINY}/ic_resnet_large_float.tflite",
        bar="26.7 dB, 0.993",
        goal="29 dB, 0.998",
    ),
    Case(
        "hello_world",
        "models/tflm/hello_world_float.onnx",
        "sine",
        "models/tflm/hello_world_float.tflite",
        bar="32 dB",
        goal="34 dB",
    ),
    Case(
        "VWW (made-up data)",
        f"{TINY}/vww_mbv1_025_float.onnx",
        "images",
        f"{TINY}/vww_mbv1_025_float_sig.tflite",
    ),
    Case(
        "AD (made-up data)",
        f"{TINY}/ad_fcae_float_sig.onnx",
        "spectra",
        f"{TINY}/ad_fcae_float_sig.tflite",
        task="anomaly",
    ),
    Case("MobileNetV2, ours", "examples/mobilenet_v2/mobilenet_v2.onnx", "digits"),
    Case("MobileNetV3, ours", "examples/mobilenet_v3/mobilenet_v3.onnx", "digits"),
    Case("YOLO-like, ours", "examples/detector/detector.onnx", "shapes", task="tensor"),
)


PLAIN = """\
equalize_strength = 0.0
weight_rounding = "nearest"
bias_correction = false
search_samples = 0
"""
RECIPES = {
    "ours, all range methods": PLAIN,
    "ours, min-max": f'range_methods = ["min_max"]\n{PLAIN}',
}
"""Those that do no more than a peer's calibration does: what the rest costs shows."""
IMPORTING = "start"
MEASURING = ("evaluate", "parity", "explain", "self-test", "write")


def main() -> None:
    """Measure, print the Markdown table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--only", action="append", metavar="NAME", help="part of a title")
    parser.add_argument("--no-peers", action="store_true", help="run ours alone")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    if not (arguments.shared / "models").is_dir():
        print("The reference models are not beside this checkout (--shared DIR): only ours.")
    if not importlib.util.find_spec("ai_edge_quantizer"):
        print("ai-edge-quantizer is not installed (the extra `bench`): without its column.")
    chosen = [
        case
        for case in CASES
        if _is_chosen(case, arguments.only) and _model(case, arguments.shared).is_file()
    ]
    rows = []
    for case in chosen:
        rows.append(measure(case, arguments.shared, has_peers=not arguments.no_peers))
        if arguments.json:  # so far: a run takes minutes
            arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(markdown(rows))


def measure(case: Case, shared: Path, *, has_peers: bool) -> dict[str, Any]:
    """Return our figures, and the peers' from the same minutes."""
    print(case.title, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        calibrate, evaluate = _samples(case, shared, Path(folder))
        model = _model(case, shared)
        task = ["--task", case.task] if case.task else []
        run = ("-m", "quantize", "run", model, "--calibrate", calibrate, "--evaluate", evaluate,
               "--out", Path(folder) / "out", "--json", *task)  # fmt: skip
        ours = _json_of(*run)
        quick = {name: _json_of(*run, *_with(name, Path(folder))) for name in RECIPES}
        if case.samples == "shapes":
            before, after = _precisions(model, Path(ours["bundle"]) / "model.onnx")
            ours["metric"] = {"name": "mAP", "float": before, "int8": after}
        files = [model, calibrate, evaluate]
        peers = _peers(case, shared, files, Path(folder)) if has_peers else {}
    for facts in (ours, *quick.values()):
        facts["bundle"] = Path(facts["bundle"]).name
    return {"case": asdict(case), "ours": ours, "quick": quick, "peers": peers}


def _with(recipe: str, folder: Path) -> tuple[object, ...]:
    """Return the options of a run by one of the recipes, without what only the page shows."""
    path = folder / "recipe.toml"
    path.write_text(RECIPES[recipe])
    return "--recipe", path, "--no-page"


def _peers(case: Case, shared: Path, files: list[Path], folder: Path) -> dict[str, Any]:
    """Return the figures of every peer that can take the model, by name."""
    found, out = {}, folder / "peer.onnx"
    for method in METHODS:
        found[f"ORT {method}"] = _json_of(HERE / "ort_static_peer.py", *files, out, method)
        if case.samples == "shapes":
            (found[f"ORT {method}"]["metric"],) = _precisions(out)
    if case.tflite is not None and importlib.util.find_spec("ai_edge_quantizer"):
        tflite = shared / case.tflite
        script = HERE / "ai_edge_peer.py"
        found["ai-edge"] = _json_of(script, *files, folder / "peer.tflite", tflite)
    return found


def _precisions(*paths: Path) -> list[float]:
    """Return the mean average precision of detectors.

    In a process of its own, as all that needs much memory here: the peak that a child process
    reports is at least what its parent had.
    """
    lines = _printed("-m", "examples.detector.score", *paths).decode().splitlines()
    return [float(line.split()[-1]) for line in lines]


def _model(case: Case, shared: Path) -> Path:
    return (ROOT if case.model.startswith("examples/") else shared) / case.model


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return three tables: accuracy, parity, cost."""
    return "\n\n".join((_accuracy(rows), _parity(rows), _cost(rows)))


def _is_chosen(case: Case, names: list[str] | None) -> bool:
    return not names or any(name.lower() in case.title.lower() for name in names)


def _json_of(*command: object) -> dict[str, Any]:
    printed = _printed(*command)
    found: dict[str, Any] = json.loads(printed[printed.index(b"{") :])  # a peer logs before it
    return found


def _printed(*command: object) -> bytes:
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def _samples(case: Case, shared: Path, folder: Path) -> tuple[Path, Path]:
    """Return the files to calibrate and to evaluate with."""
    if case.samples in WRITTEN:
        _printed("-m", "examples.scenes.write_data", folder)
        parts = (folder / f"{case.samples}_{part}.npz" for part in ("calib", "eval"))
        return next(parts), next(parts)
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
WRITTEN = ("digits", "shapes")


def _accuracy(rows: list[dict[str, Any]]) -> str:
    peers = (*(f"ORT {method}" for method in METHODS), "ai-edge")
    head = ("model", "metric, float", "ours", *peers, "bar", "goal")
    return _table(head, [_accuracy_cells(row, peers) for row in rows])


def _accuracy_cells(row: dict[str, Any], peers: tuple[str, ...]) -> tuple[str, ...]:
    """Return SQNR, agreement and metric of all, each beside the float model's metric."""
    ours, case = row["ours"], row["case"]
    metric, has_classes = ours["metric"], ours["task"] == "classification"
    int8 = ours | {"metric": metric and metric["int8"]}
    return (
        case["title"],
        f"{metric['name']} {metric['float']:.4f}" if metric else "-",
        _answer(int8, has_classes=has_classes),
        *(_answer(row["peers"].get(peer), has_classes=has_classes) for peer in peers),
        case["bar"],
        case["goal"],
    )


def _answer(facts: dict[str, Any] | None, *, has_classes: bool) -> str:
    if facts is None:
        return "-"
    parts = [f"{_number(facts['sqnr_db'], 2)} dB"]
    if has_classes:
        parts.append(f"{facts['agreement']:.4f}")
    if facts["metric"] is not None:
        parts.append(f"metric {facts['metric']:.4f}")
    return ", ".join(parts)


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
    head = ("model", "by", "int8 ONNX", "int8 TFLite", "files s", "files MiB", "all s", "all MiB")
    return _table(head, [cells for row in rows for cells in _cost_rows(row)])


def _cost_rows(row: dict[str, Any]) -> list[tuple[str, ...]]:
    title = row["case"]["title"]
    ours = {"ours": row["ours"], **row["quick"]}
    cells = [(title, name, *_own_cost(facts)) for name, facts in ours.items()]
    for name, peer in row["peers"].items():
        size = f"{peer['file_bytes']:,}"
        files = ("-", size) if name == "ai-edge" else (size, "-")
        cost = f"{peer['wall_s']:.2f}", _mib(peer["peak_rss_bytes"])
        cells.append((title, name, *files, *cost, "-", "-"))
    return cells


def _own_cost(facts: dict[str, Any]) -> tuple[str, ...]:
    """Return sizes and cost, until both files are made and of all: imports count to neither."""
    sizes = (f"{facts['files'][kind]:,}" for kind in ("onnx_bytes", "tflite_bytes"))
    stages, peaks = facts["stages_s"], facts["stages_peak_rss_bytes"]
    making = [stage for stage in stages if stage not in {IMPORTING, *MEASURING}]
    until_files = f"{sum(stages[stage] for stage in making):.2f}", _mib(peaks[making[-1]])
    whole = f"{facts['wall_s'] - stages[IMPORTING]:.2f}", _mib(facts["peak_rss_bytes"])
    return (*sizes, *until_files, *whole)


def _mib(size: int) -> str:
    return f"{size / MIB:.0f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
