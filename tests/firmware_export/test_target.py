import pytest

from firmware_export.errors import FirmwareExportError
from firmware_export.target import TARGETS, find_target


def test_every_target_is_found_by_its_name() -> None:
    assert all(find_target(name).name == name for name in TARGETS)


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FirmwareExportError, match="'avr': unknown, expected one of cortex-m0plus"):
        find_target("avr")


def test_alignments_are_powers_of_two() -> None:
    assert all(target.alignment_bytes.bit_count() == 1 for target in TARGETS.values())
