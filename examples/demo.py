"""The two-minute tour: trained models become predictions on a broker and code for a Cortex-M.

    make demo                       # or: python examples/demo.py [--broker HOST:PORT] [--out DIR]

Takes our own trained digits network and a linear regression, quantizes both, exports both as C and
verifies them on an emulated Cortex-M4 where the tools are there, then runs the daemon on pictures
and rows that neither training nor calibration saw, and prints what a subscriber receives. Ends by
itself. All that it writes goes into demo-output/.
"""

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from subscriber import Subscriber, free_port

HERE = Path(__file__).parent
SEED = 7  # as the training scripts split
SHOWN = 40  # frames and rows that go through the daemon


def main() -> None:
    """Walk the whole road, one stage after the other."""
    arguments = parse()
    out = fresh(arguments.out)
    say("1. Data: pictures and rows that the training did not see")
    write_digits(out / "digits")
    write_diabetes(out / "diabetes")
    say("2. Quantize: one integer graph, printed as int8 ONNX and int8 TFLite")
    quantize(
        out, "digits", "digits/digits.onnx", "digits", ["--labels", HERE / "digits/labels.txt"]
    )
    quantize(
        out, "diabetes", "regression/diabetes.onnx", "diabetes.csv", ["--target-column", "target"]
    )
    say("3. Firmware: the same integers as C")
    for name in ("digits", "diabetes"):
        export(out, name)
    say("4. The daemon: frames and rows become messages on a broker")
    host, port = arguments.broker or (None, free_port())
    run_daemon(out, host, port)


def parse() -> argparse.Namespace:
    """Return the arguments: where to write, and a broker if not the embedded one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path("demo-output"), help="default: %(default)s"
    )
    parser.add_argument("--broker", type=address, help="HOST:PORT; default: an embedded one")
    return parser.parse_args()


def address(text: str) -> tuple[str, int]:
    """Return HOST:PORT taken apart."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def fresh(out: Path) -> Path:
    """Return `out`, emptied if it is a former demo's."""
    if out.exists() and not (out / "device.toml").exists() and any(out.iterdir()):
        sys.exit(f"{out} exists and is not a former demo's; give another with --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return out


def write_digits(folder: Path) -> None:
    """Write the digits as 8x8 PNG files: some of the training set, and the held-out ones."""
    digits = load_digits()
    parts = train_test_split(
        digits.images, digits.target, test_size=360, random_state=SEED, stratify=digits.target
    )
    for name, images, labels in (
        ("calibrate", parts[0][:200], parts[2]),
        ("evaluate", parts[1], parts[3]),
        ("frames", parts[1][:SHOWN], parts[3]),
    ):
        (folder / name).mkdir(parents=True)
        rows = []
        for index, image in enumerate(images):
            file = f"{index:04d}-is-a-{labels[index]}.png"
            cv2.imwrite(str(folder / name / file), (image * 15).astype(np.uint8))
            rows.append((file, labels[index]))
        if name != "frames":
            write_csv(folder / name / "labels.csv", ["file", "label"], rows)


def write_diabetes(folder: Path) -> None:
    """Write the patients as CSV rows in their own units."""
    data = load_diabetes(scaled=False)
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=110, random_state=SEED
    )
    folder.mkdir(parents=True)
    header = [*data.feature_names, "target"]
    for name, rows, target in (
        ("calibrate.csv", train_x, train_y), ("evaluate.csv", test_x, test_y),
        ("rows.csv", test_x[:SHOWN], test_y[:SHOWN]),
    ):  # fmt: skip
        write_csv(folder / name, header, np.column_stack((rows, target)))


def write_csv(path: Path, header: list[str], rows: object) -> None:
    """Write a CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def quantize(out: Path, name: str, model: str, suffix: str, more: list[object]) -> None:
    """Quantize one model into a bundle below models/."""
    data = out / name
    ending = ".csv" if suffix.endswith(".csv") else ""
    call(
        "edge-quantize", "run", HERE / model, "--name", name,
        "--calibrate", data / f"calibrate{ending}", "--evaluate", data / f"evaluate{ending}",
        "--preprocess", (HERE / model).parent / "preprocess.toml",
        *more, "--out", out / "models",
    )  # fmt: skip


def export(out: Path, name: str) -> None:
    """Export one bundle as C and verify it where the tools are there."""
    firmware = out / "firmware" / name
    call(
        "edge-firmware", "export", out / "models" / name / "1",
        "--target", "cortex-m4", "--out", firmware,
    )  # fmt: skip
    if shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc"):
        call("edge-firmware", "verify", firmware)
    else:
        print("(qemu-system-arm or arm-none-eabi-gcc is missing: not verified; see make tools)")


def run_daemon(out: Path, host: str | None, port: int) -> None:
    """Run the daemon until its sources have finished, printing what a subscriber receives."""
    config = out / "device.toml"
    config.write_text(configuration(out, host, port))
    print(f"$ edge-runtime run {config} --until-finished", flush=True)
    command = [sys.executable, "-m", "edge_runtime", "run", str(config), "--until-finished"]
    subscriber = Subscriber(host or "127.0.0.1", port)
    with (out / "daemon.log").open("w") as log, subscriber:
        code = subprocess.run(command, stderr=log, check=False, timeout=120).returncode
    received = subscriber.received()
    print(f"\nreceived: {received.predictions} predictions, {received.health} health reports")
    if code or received.predictions < 2 * SHOWN or not received.health:
        sys.exit(f"the tour failed (exit code {code}); see {out / 'daemon.log'}")
    print(f"all {SHOWN} frames and {SHOWN} rows arrived; bundles and C code are in {out}/")


def configuration(out: Path, host: str | None, port: int) -> str:
    """Return the daemon's configuration: two pipelines, on pictures and on rows."""
    broker = f'host = "{host}"\n' if host else ""
    return f"""\
models_dir = "{(out / "models").resolve()}"

[device]
id = "demo"

[mqtt]
{broker}port = {port}

[health]
interval_s = 2

[[pipeline]]
name = "digits"
model = "digits"
publish = {{ predictions = "off", keep = "all" }}
[pipeline.source]
kind = "files"
path = "{(out / "digits/frames").resolve()}"
fps = 10

[[pipeline]]
name = "diabetes"
model = "diabetes"
publish = {{ predictions = "off", keep = "all" }}
[pipeline.source]
kind = "csv"
path = "{(out / "diabetes/rows.csv").resolve()}"
rate_hz = 10
"""


def call(*words: object) -> None:
    """Run one of our commands as a user would, and stop the tour if it fails."""
    texts = [str(word) for word in words]
    print(f"$ {' '.join(texts)}", flush=True)
    package = {"edge-quantize": "quantize", "edge-firmware": "firmware_export"}[texts[0]]
    subprocess.run([sys.executable, "-m", package, *texts[1:]], check=True)


def say(heading: str) -> None:
    """Print a stage's heading."""
    print(f"\n== {heading}", flush=True)


if __name__ == "__main__":
    main()
