import msgspec
import pytest

from firmware_export.budget import Budget, parse_budget, shortfall
from firmware_export.errors import BudgetSyntaxError
from tests.firmware_export.records import LAYER, export_record


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("flash=256k,ram=64k", Budget(262_144, 65_536)),
        ("ram=1m", Budget(None, 1_048_576)),
        ("FLASH=1000, ram=7K", Budget(1000, 7168)),
    ],
)
def test_a_budget_is_read(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "flash", "flash=-1", "flash=1k,flash=2k", "rom=1k", "ram=1g"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(BudgetSyntaxError, match="expected flash=256k,ram=64k"):
        parse_budget(text)


def test_a_model_that_takes_all_of_it_fits() -> None:
    record = export_record(flash_bytes=4096, ram_bytes=130)

    assert shortfall(record, Budget(4096, 130)) == []
    assert shortfall(record, Budget()) == []


def test_the_layers_with_most_constants_are_named_first() -> None:
    sizes = (100, 9000, 500, 2000, 10)
    layers = [
        msgspec.structs.replace(LAYER, name=f"l{index}", constants_bytes=size)
        for index, size in enumerate(sizes)
    ]
    record = export_record(flash_bytes=15_000, constants_bytes=sum(sizes), layers=layers)

    lines = shortfall(record, Budget(flash_bytes=12_000))

    assert lines[0] == "flash: 15,000 bytes, 3,000 more than the budget of 12,000"
    assert [line.split()[-3] for line in lines[1:-1]] == ["l1", "l3", "l2"]
    assert lines[1].startswith("  9,000 bytes, 60% of it: Conv2D l1")
    # 8,610 of 11,610 bytes of constants may stay, and weights grow with the width squared
    assert lines[-1].endswith("every layer 0.86 times as wide")


def test_what_is_alive_at_the_peak_is_named_by_size() -> None:
    record = export_record(
        ram_bytes=1300,
        arena_bytes=1200,
        peak_layer="y",
        peak_buffers={"x": 200, "y": 1000},
        layers=[msgspec.structs.replace(LAYER, live_bytes=size) for size in (1200, 300, 299)],
    )

    lines = shortfall(record, Budget(ram_bytes=400))

    assert lines[0] == "RAM: 1,300 bytes, 900 more than the budget of 400"
    assert lines[2:4] == [
        "  1,000 bytes alive at the peak: y",
        "  200 bytes alive at the peak: x",
    ]
    assert lines[4].startswith("  1 of 3 layers need more than is there: y")
    assert lines[5].startswith("  would fit: an arena of 300 bytes, such as an input 0.50 times")


def test_what_never_fits_is_said() -> None:
    record = export_record(flash_bytes=4096, constants_bytes=70, ram_bytes=130, arena_bytes=30)

    lines = shortfall(record, Budget(1024, 64))

    assert "  would fit: no model of this kind, the code alone is larger" in lines
    assert "  would fit: no model of this kind, the stack alone is larger" in lines
