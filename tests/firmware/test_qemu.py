"""Exported C on emulated Cortex-M cores: the same bytes, counted."""

from pathlib import Path

import pytest

from firmware_export import build
from firmware_export.errors import BuildError
from firmware_export.export import export_model
from firmware_export.model_file import Model, load_model
from firmware_export.output import write_directory
from firmware_export.package.cmake import cmake_files
from firmware_export.record import ExportRecord
from firmware_export.target import TARGETS, Tier
from firmware_export.variant import Optimize, Rounding, Variant
from firmware_export.verify import verify_export
from tests.firmware.cores import EMULATED
from tests.firmware_export.int_graphs import (
    decoder_graph,
    index_graph,
    residual_graph,
    squeeze_excite_graph,
)
from tests.firmware_export.wide_graphs import wide_net

OFFICIAL = ["ad_fcae", "kws_dscnn", "ic_resnet8", "vww_mbv1_025"]
FLASH_BYTES = {"ad_fcae": 283_000, "kws_dscnn": 41_000, "ic_resnet8": 94_000}
FLASH_BYTES |= {"vww_mbv1_025": 253_000}
# Side by side, what is alive at once takes 768, 16,000, 49,152 and 55,296 bytes, without a stack.
RAM_BYTES = {"ad_fcae": 1_000, "kws_dscnn": 11_600, "ic_resnet8": 34_700, "vww_mbv1_025": 37_800}

# On cores with SMLAD; TFLM with CMSIS-NN takes 582,943, 7,699,370, 29,864,855 and 24,101,959.
INSTRUCTIONS = {"ad_fcae": 370_000, "kws_dscnn": 4_700_000}
INSTRUCTIONS |= {"ic_resnet8": 16_000_000, "vww_mbv1_025": 13_000_000}
# With Helium; TFLM with CMSIS-NN takes 285,562, 1,815,899, 4,913,227 and 6,558,778.
MVE_INSTRUCTIONS = {"ad_fcae": 70_000, "kws_dscnn": 1_400_000}
MVE_INSTRUCTIONS |= {"ic_resnet8": 4_000_000, "vww_mbv1_025": 4_000_000}
BARS = {Tier.DSP: INSTRUCTIONS, Tier.MVE: MVE_INSTRUCTIONS}


VARIANTS = [Variant(Optimize.SPEED), Variant(Optimize.SIZE), Variant(rounding=Rounding.SINGLE)]
VARIANT_CORES = [
    *(pytest.param(core, marks=pytest.mark.qemu) for core in ("cortex-m0plus", "cortex-m4")),
    pytest.param("cortex-m55", marks=pytest.mark.qemu),
    pytest.param("rv32imc", marks=pytest.mark.riscv),
    "host",
]


def exported(model: Model, target: str, out: Path, vectors: int) -> ExportRecord:
    made = export_model(model, TARGETS[target], package=cmake_files, vectors=vectors, prefix="net")
    write_directory(out, made.files)
    return made.record


@pytest.mark.parametrize("core", EMULATED)
def test_a_small_net_equals_the_interpreter_on_every_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), core, tmp_path / "net", 5)

    record = verify_export(tmp_path / "net")

    assert record.vectors == 5
    assert record.differing_bytes == 0
    assert record.instructions is not None
    most = 16 if TARGETS[core].tier is Tier.MVE else 2  # products an instruction
    assert record.instructions > record.macs / most


@pytest.mark.qemu
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m55", "host"])
def test_tables_for_smlad_are_right_on_any_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m4", tmp_path / "net", 5)

    record = verify_export(tmp_path / "net", core)

    assert record.target == core
    assert record.differing_bytes == 0


@pytest.mark.parametrize("core", EMULATED)
def test_a_decoder_equals_the_interpreter_on_every_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", decoder_graph(), "0" * 64), core, tmp_path / "net", 3)

    record = verify_export(tmp_path / "net")

    assert (record.vectors, record.differing_bytes) == (3, 0)


@pytest.mark.parametrize("core", EMULATED)
def test_a_squeeze_excite_block_equals_the_interpreter_on_every_core(
    core: str, tmp_path: Path
) -> None:
    exported(Model("m", squeeze_excite_graph(), "0" * 64), core, tmp_path / "net", 4)

    record = verify_export(tmp_path / "net")

    assert record.vectors == 4
    assert record.differing_bytes == 0


@pytest.mark.qemu
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "host"])
def test_tables_for_helium_are_right_on_any_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m55", tmp_path / "net", 5)

    record = verify_export(tmp_path / "net", core)

    assert record.target == core
    assert record.differing_bytes == 0


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: f"{v.optimize}-{v.rounding}")
@pytest.mark.parametrize("core", VARIANT_CORES)
def test_every_variant_equals_the_interpreter(core: str, variant: Variant, tmp_path: Path) -> None:
    model = Model("m", residual_graph(), "0" * 64)
    made = export_model(
        model, TARGETS[core], package=cmake_files, vectors=20, prefix="net", variant=variant
    )
    write_directory(tmp_path / "net", made.files)

    record = verify_export(tmp_path / "net")

    assert record.profile == variant.rounding.profile
    assert (record.vectors, record.differing_bytes) == (20, 0)


@pytest.mark.qemu
def test_rounding_once_gives_other_numbers(tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m4", tmp_path / "net", 20)
    source = tmp_path / "net" / "net.c"
    source.write_text(f"#define EDGE_SINGLE_ROUNDING 1\n{source.read_text()}")

    record = verify_export(tmp_path / "net")

    assert record.differing_bytes > 0


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-Og", "-O1", "-Os", "-O3"])
@pytest.mark.parametrize("core", EMULATED)
def test_a_small_net_equals_the_interpreter_at_every_optimization(
    core: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(Model("m", residual_graph(), "0" * 64), core, tmp_path / "net", 5)
    flags = (*build.MODEL_FLAGS, level, "-fno-omit-frame-pointer")
    monkeypatch.setattr(build, "MODEL_FLAGS", flags)

    assert verify_export(tmp_path / "net").differing_bytes == 0


@pytest.mark.qemu
def test_a_run_counts_the_same_each_time(tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m4", tmp_path / "net", 2)

    assert verify_export(tmp_path / "net") == verify_export(tmp_path / "net")


@pytest.mark.qemu
def test_the_reported_footprint_is_what_a_run_shows(tmp_path: Path) -> None:
    report = exported(Model("m", residual_graph(), "0" * 64), "cortex-m4", tmp_path / "net", 2)

    run = verify_export(tmp_path / "net")

    assert report.flash_bytes == run.flash_bytes
    assert report.stack_bytes is not None
    assert abs(report.stack_bytes - run.stack_bytes) <= 32


@pytest.mark.qemu
def test_a_model_that_does_not_fit_the_board_is_refused_in_one_line(tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m55", tmp_path / "net", 1000)
    source = tmp_path / "net" / "net_selftest.c"
    source.write_text(
        source.read_text() + "const int8_t ballast[600000] = {1};\n"
        "uint32_t net_selftest_ballast(uint32_t i);\n"
        "uint32_t net_selftest_ballast(uint32_t i) { return (uint32_t)ballast[i]; }\n"
    )
    text = source.read_text()
    source.write_text(
        text.replace("return 1000u;", "return 1000u + (uint32_t)ballast[0];").replace(
            '.h"\n', '.h"\nextern const int8_t ballast[600000];\n', 1
        )
    )

    with pytest.raises(BuildError, match="region `FLASH' overflowed"):
        verify_export(tmp_path / "net")


def check_official(name: str, core: str, shared: Path, out: Path, vectors: int) -> None:
    model = load_model(shared / "models" / "mlperf_tiny" / f"{name}_int8_official.tflite")
    exported(model, core, out, vectors)

    record = verify_export(out)

    assert record.vectors == vectors
    assert record.differing_bytes == 0
    assert record.flash_bytes <= FLASH_BYTES[name]
    assert record.ram_bytes <= RAM_BYTES[name]
    if (bars := BARS.get(TARGETS[core].tier)) is not None:
        assert record.instructions is not None
        assert record.instructions <= bars[name]


@pytest.mark.shared_assets
@pytest.mark.qemu
def test_the_official_keyword_spotter_equals_the_interpreter(shared: Path, tmp_path: Path) -> None:
    check_official("kws_dscnn", "cortex-m4", shared, tmp_path / "net", 3)


@pytest.mark.slow
@pytest.mark.shared_assets
@pytest.mark.parametrize(
    "core", ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]
)
@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.qemu
def test_an_official_model_equals_the_interpreter(
    name: str, core: str, shared: Path, tmp_path: Path
) -> None:
    check_official(name, core, shared, tmp_path / "net", 10)


@pytest.mark.qemu
def test_the_instructions_of_the_layers_add_up(tmp_path: Path) -> None:
    exported(Model("m", residual_graph(), "0" * 64), "cortex-m4", tmp_path / "net", 1)

    record = verify_export(tmp_path / "net")

    counted = [layer.instructions for layer in record.layers]
    assert record.instructions is not None
    assert counted[5] == 0  # the reshape
    assert all(count for index, count in enumerate(counted) if index != 5)
    # what is left is the list of calls itself
    assert 0 < record.instructions - sum(count or 0 for count in counted) < 100


@pytest.mark.parametrize("core", EMULATED)
def test_a_net_in_int16_equals_the_interpreter_on_every_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", wide_net(), "0" * 64), core, tmp_path / "net", 5)

    record = verify_export(tmp_path / "net")

    assert (record.vectors, record.differing_bytes) == (5, 0)


@pytest.mark.parametrize("core", EMULATED)
def test_an_index_equals_the_interpreters_on_every_core(core: str, tmp_path: Path) -> None:
    exported(Model("m", index_graph(), "0" * 64), core, tmp_path / "net", 3)

    record = verify_export(tmp_path / "net")

    assert (record.vectors, record.differing_bytes) == (3, 0)
