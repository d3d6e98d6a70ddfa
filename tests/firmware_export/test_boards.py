import pytest

from firmware_export.boards import boards, select_target, target_records
from firmware_export.errors import FirmwareExportError
from firmware_export.target import TARGETS


@pytest.mark.parametrize("name", boards())
def test_a_board_has_a_core_that_we_know_and_a_document(name: str) -> None:
    board = boards()[name]

    assert board.core in TARGETS
    assert name not in TARGETS
    assert 32 * 1024 <= board.ram_bytes < board.flash_bytes
    assert board.ram_bytes % 1024 == board.flash_bytes % 1024 == 0
    assert len(board.source) > 20
    assert len(board.checked) > 20


def test_every_family_of_the_issue_is_there() -> None:
    families = "nrf52840 stm32f4 stm32f7 stm32h7 stm32l4 stm32u5 rp2040 rp2350 esp32-s3 esp32-c3"
    families += " stm32n6 samd51 arduino-nano-33-ble teensy-4"

    for family in families.split():
        assert any(name.startswith(family) for name in boards()), family


def test_a_board_selects_its_core() -> None:
    selection = select_target("rp2040")

    assert selection.target is TARGETS["cortex-m0plus"]
    assert selection.board is boards()["rp2040"]
    assert select_target("cortex-m4").board is None


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FirmwareExportError, match="'z80': unknown, expected one of cortex-m0plus"):
        select_target("z80")


def test_the_list_holds_cores_and_boards() -> None:
    assert [record.name for record in target_records()] == [*TARGETS, *boards()]
