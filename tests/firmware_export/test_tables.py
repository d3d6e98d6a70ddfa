from firmware_export.tables import export_table, layers_table, verify_table
from tests.firmware_export.records import LAYER, export_record, verify_record


def test_an_export_is_shown_with_its_notes() -> None:
    text = export_table(export_record(notes=["mind the gap"]))

    assert "flash                 4,096 bytes, as gcc 1 builds it" in text
    assert "30 bytes (no plan is smaller)" in text
    assert text.endswith("note: mind the gap")


def test_without_compiler_the_unknown_is_called_unknown() -> None:
    text = export_table(export_record(compiler=None, stack_bytes=None, arena_bytes=31))

    assert "4,096 bytes, constants alone" in text
    assert "unknown without the compiler" in text
    assert "no plan is smaller than 30" in text


def test_a_run_is_shown_with_its_rate() -> None:
    assert "2,500 an inference (2.500 per product)" in verify_table(verify_record())


def test_a_run_on_the_host_counts_nothing() -> None:
    assert "not counted on the host" in verify_table(verify_record(instructions=None))


def test_a_net_without_products_has_no_rate() -> None:
    assert "2,500 an inference\n" in verify_table(verify_record(macs=0))


def test_layers_are_one_line_each() -> None:
    lines = layers_table([LAYER, LAYER]).splitlines()

    assert len(lines) == 3
    assert lines[1].split() == ["0", "Conv2D", "1,000", "-", "70", "30", "y", "(1,", "4)"]
