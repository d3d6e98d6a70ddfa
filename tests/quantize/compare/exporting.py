"""C in a directory, as the exporter's command writes it: the comparison knows the files alone."""

import subprocess
import sys
from pathlib import Path


def export_c(model: Path, directory: Path) -> Path:
    command = ["export", str(model), "--target", "host", "--out", str(directory)]
    subprocess.run(
        [sys.executable, "-m", "firmware_export", *command], check=True, capture_output=True
    )
    return directory
