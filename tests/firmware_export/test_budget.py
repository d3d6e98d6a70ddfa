import msgspec
import pytest

from firmware_export.bands import Bands
from firmware_export.budget import Budget, cut_lines, parse_budget, parse_size, shortfall
from firmware_export.cuts import Cut
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
    assert [line.split()[-3] for line in lines[1:-2]] == ["l1", "l3", "l2"]
    assert lines[1].startswith("  9,000 bytes, 60% of it: Conv2D l1")
    # 8,610 of 11,610 bytes of constants may stay, and weights grow with the width squared
    assert lines[-2].endswith("every layer 0.86 times as wide (structured pruning)")
    assert lines[-1].endswith("--external-from 4500")


def test_what_lies_in_external_flash_is_not_counted() -> None:
    record = export_record(flash_bytes=15_000, external_bytes=9000)

    assert shortfall(record, Budget(flash_bytes=6000)) == []
    assert shortfall(record, Budget(flash_bytes=5999))[0].startswith("flash: 6,000 bytes, 1 more")


CUTS = [Cut(None, 1000, 50), Cut(Bands(4, 2), 700, 51), Cut(Bands(8, 4), 400, 60)]


@pytest.mark.parametrize(
    ("ram_bytes", "line"),
    [
        (800, "  --patches 2/4: RAM 800 bytes, 300 less, for 2.0% more products: fits"),
        (799, "  --patches 4/8: RAM 500 bytes, 600 less, for 20.0% more products: fits"),
    ],
)
def test_the_cheapest_bands_that_fit_are_named(ram_bytes: int, line: str) -> None:
    record = export_record(ram_bytes=1100, arena_bytes=1000)

    assert cut_lines(record, Budget(ram_bytes=ram_bytes), CUTS) == [line]


def test_where_no_bands_fit_the_smallest_are_named() -> None:
    record = export_record(ram_bytes=1100, arena_bytes=1000)

    (line,) = cut_lines(record, Budget(ram_bytes=499), CUTS)

    assert line.startswith("  --patches 4/8: RAM 500 bytes")
    assert line.endswith("bands come to no less, and this does not fit")


def test_where_bands_save_nothing_that_is_said() -> None:
    record = export_record(ram_bytes=1100, arena_bytes=1000)

    assert cut_lines(record, Budget(ram_bytes=1), CUTS[:1]) == [
        "  bands of rows (--patches) take no less"
    ]


@pytest.mark.parametrize(("text", "size"), [("4k", 4096), ("100", 100), ("1M", 1 << 20)])
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(BudgetSyntaxError, match="size '4 kB': expected a number of bytes"):
        parse_size("4 kB")


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
