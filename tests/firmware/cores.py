"""The cores that QEMU stands in for, each with the marker of the tools that it needs."""

import pytest

from firmware_export.target import TARGETS, Target


def _marked(target: Target) -> pytest.MarkDecorator:
    is_arm = target.compiler.startswith("arm-")
    return pytest.mark.qemu if is_arm else pytest.mark.riscv


EMULATED = [
    pytest.param(name, marks=_marked(target)) for name, target in TARGETS.items() if target.board
]
