"""Every device configuration that we ship loads, and every kind of source has one."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from edge_runtime.config.loading import load_config
from edge_runtime.config.sources import SourceConfig

DIRECTORY = Path(__file__).resolve().parents[2] / "device_configs"
FILES = sorted(DIRECTORY.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads(path: Path) -> None:
    assert load_config(path).pipeline


def test_every_kind_of_source_has_an_example() -> None:
    kinds = {msgspec.inspect.type_info(kind).tag for kind in get_args(SourceConfig)}

    shown = {
        msgspec.inspect.type_info(type(pipeline.source)).tag
        for path in FILES
        for pipeline in load_config(path).pipeline
    }

    assert kinds <= shown


def test_the_readme_names_every_file() -> None:
    text = (DIRECTORY / "README.md").read_text(encoding="utf-8")

    assert [path.name for path in FILES if path.name not in text] == []
