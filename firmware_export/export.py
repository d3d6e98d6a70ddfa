"""The export of a model: every file of it as text, and what it will cost."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from firmware_export.build import build_image
from firmware_export.frontend import front_end
from firmware_export.golden import Golden, golden_vectors, random_inputs
from firmware_export.header import header_text
from firmware_export.kernels import kernel_files
from firmware_export.layers import external_bytes, layer_records, peak_buffers
from firmware_export.model_data import model_data
from firmware_export.model_file import Model
from firmware_export.output import fill_directory
from firmware_export.package.kind import PackageFiles
from firmware_export.program import PLAIN, Memory, Program, plan_program
from firmware_export.provenance import Provenance
from firmware_export.readme import readme_text
from firmware_export.record import (
    FILE_NAME,
    SCHEMA,
    BandsRecord,
    ExportRecord,
    Footprint,
    ModelRecord,
    PortRecord,
    encode_record,
)
from firmware_export.selftest import selftest_header, selftest_source
from firmware_export.source_text import source_text
from firmware_export.target import Target
from firmware_export.toolchain import is_installed
from firmware_export.variant import DEFAULT_VARIANT, Rounding, Variant
from firmware_export.weights import weights_files
from quantize.ir.graph import Profile
from quantize.ir.spec import check_integer

# To measure is not to run: more room than any board has.
MEASURE_ROM_BYTES, MEASURE_RAM_BYTES = 1 << 28, 1 << 27


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """Everything that goes into the directory.

    Attributes:
        files: Path below the directory, and content.
        record: What report.json holds.
    """

    files: Mapping[str, bytes]
    record: ExportRecord


def export_model(  # noqa: PLR0913  # one choice each
    model: Model,
    target: Target,
    *,
    package: PackageFiles,
    vectors: int,
    prefix: str | None = None,
    folder: str = "",
    memory: Memory = PLAIN,
    variant: Variant = DEFAULT_VARIANT,
) -> Export:
    """Return the C of a model for a target.

    Args:
        model: What is exported.
        target: For which core.
        package: The build system's own files.
        vectors: How many golden vectors the self-test holds.
        prefix: Of every C name; by default the model's name says it.
        folder: Where the package wants the C files; "" is the top.
        memory: How it is fitted into the chip's memories.
        variant: What the code is optimized for, and how it rounds.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
        NamingError: `prefix` is not legal.
        BandsError: The model cannot be cut into such bands.
        BuildError: The target's compiler is there and refuses the code: a bug.
    """
    program = plan_program(model.graph, target, prefix, memory=memory, variant=variant)
    provenance = Provenance(model.name, model.sha256)
    golden = _golden(model, variant.rounding.profile, vectors)
    front = front_end(program, provenance, model.preprocessing)
    sources = {**kernel_files(), **source_files(program, golden, provenance)}
    sources |= _encoded(front.files)
    footprint = measure(sources, program)
    files = {f"{folder}/{name}" if folder else name: text for name, text in sources.items()}
    files |= _encoded(package(program, provenance))
    names = sorted({*files, "README.md", FILE_NAME})
    record = _record(program, model, footprint, vectors=golden.count, files=names)
    if front.note is not None:
        record = msgspec.structs.replace(record, notes=[*record.notes, front.note])
    files["README.md"] = readme_text(program, record, provenance).encode()
    files[FILE_NAME] = encode_record(record)
    return Export(files, record)


def export_weights(model: Model, target: Target, *, prefix: str | None = None) -> Export:
    """Return a model's weights as documented arrays, without code.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
        NamingError: `prefix` is not legal.
    """
    program = plan_program(model.graph, target, prefix)
    provenance = Provenance(model.name, model.sha256)
    files = _encoded(weights_files(program, provenance))
    record = _record(program, model, None, vectors=0, files=sorted({*files, FILE_NAME}))
    files[FILE_NAME] = encode_record(record)
    return Export(files, record)


def export_model_data(model: Model, target: Target, *, prefix: str | None = None) -> Export:
    """Return a model's TFLite file as a C array, with what TFLM has to be told.

    Raises:
        ModelFileError: The model is no TFLite file.
        UnsupportedForCError: Names everything that the C cannot say.
        NamingError: `prefix` is not legal.
    """
    program = plan_program(model.graph, target, prefix)
    made = model_data(program, Provenance(model.name, model.sha256), model.tflite)
    files = _encoded(made.files)
    record = _record(program, model, None, vectors=0, files=sorted({*files, FILE_NAME}))
    record = msgspec.structs.replace(
        record,
        flash_bytes=len(model.tflite or b""),
        ram_bytes=made.arena_bytes,
        notes=["model data: flash is the file, RAM what TFLM's arena should need; no code of TFLM"],
    )
    files[FILE_NAME] = encode_record(record)
    return Export(files, record)


def _golden(model: Model, profile: Profile, vectors: int) -> Golden:
    """Return what the model gives, whole, whatever its C is cut into."""
    graph, given = check_integer(model.graph, profile), model.inputs
    inputs = (
        random_inputs(graph, vectors)
        if given is None
        else {name: values[:vectors] for name, values in given.items()}
    )
    return golden_vectors(graph, inputs)


def source_files(program: Program, golden: Golden, provenance: Provenance) -> dict[str, bytes]:
    """Return header, source and self-test, which need the kernels beside them and nothing else."""
    p = program.prefix
    return _encoded(
        {
            f"{p}.h": header_text(program, provenance),
            f"{p}.c": source_text(program, provenance),
            f"{p}_selftest.h": selftest_header(program, provenance),
            f"{p}_selftest.c": selftest_source(program, golden, provenance),
        }
    )


def _encoded(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in texts.items()}


def measure(files: Mapping[str, bytes], program: Program) -> Footprint | None:
    """Return what the code needs as the target's compiler builds it; None without a compiler.

    Raises:
        BuildError: The compiler refuses the code.
    """
    target = program.target
    can_link = target.board is not None or target.is_host
    if not can_link or not is_installed(target.compiler):
        return None
    if target.board is not None:
        room = replace(target.board, rom_bytes=MEASURE_ROM_BYTES, ram_bytes=MEASURE_RAM_BYTES)
        target = replace(target, board=room)
    with tempfile.TemporaryDirectory(prefix="edge-firmware-") as folder:
        source, work = Path(folder, "source"), Path(folder, "work")
        fill_directory(source, files)
        work.mkdir()
        return build_image(source, program.prefix, target, work).footprint


def _record(
    program: Program, model: Model, footprint: Footprint | None, *, vectors: int, files: list[str]
) -> ExportRecord:
    layers = layer_records(program)
    constants_bytes = sum(layer.constants_bytes for layer in layers)
    arena_bytes = program.arena.size_bytes
    ram_bytes = footprint.static_bytes + footprint.stack_bytes if footprint else arena_bytes
    return ExportRecord(
        schema=SCHEMA,
        version=Provenance(model.name, model.sha256).version,
        target=program.target.name,
        prefix=program.prefix,
        profile=program.graph.profile.value,
        model=_model_record(model, program),
        vectors=vectors,
        macs=sum(layer.macs for layer in layers),
        constants_bytes=constants_bytes,
        flash_bytes=footprint.flash_bytes if footprint else constants_bytes,
        ram_bytes=ram_bytes,
        arena_bytes=arena_bytes,
        arena_bound_bytes=program.arena.bound_bytes,
        stack_bytes=footprint.stack_bytes if footprint else None,
        compiler=footprint.compiler if footprint else None,
        peak_layer=max(layers, key=lambda layer: layer.live_bytes).name if layers else "",
        peak_buffers=peak_buffers(program, layers),
        files=files,
        notes=_notes(program, model, footprint, vectors),
        layers=layers,
        external_bytes=external_bytes(program),
        bands=_bands_record(program, model),
        inputs=[_port(program, name) for name in program.graph.inputs],
        outputs=[_port(program, name) for name in program.graph.outputs],
    )


def _bands_record(program: Program, model: Model) -> BandsRecord | None:
    bands = program.memory.bands
    if bands is None:
        return None
    whole = plan_program(model.graph, program.target, program.prefix)
    return BandsRecord(
        operations=bands.depth,
        bands=bands.count,
        macs_whole=sum(layer.macs for layer in layer_records(whole)),
        arena_bytes_whole=whole.arena.size_bytes,
    )


def _port(program: Program, name: str) -> PortRecord:
    tensor = program.graph.tensors[name]
    scale, zero_point = None, None
    if tensor.quant is not None:
        scale, zero_point = tensor.quant.scale[0], tensor.quant.zero_point
    return PortRecord(
        name=name,
        shape=tensor.shape,
        dtype=tensor.dtype.value,
        scale=scale,
        zero_point=zero_point,
    )


def _model_record(model: Model, program: Program) -> ModelRecord:
    return ModelRecord(
        name=model.name,
        sha256=model.sha256,
        original_profile=program.original_profile.value,
        profile=program.graph.profile.value,
    )


def _notes(program: Program, model: Model, footprint: Footprint | None, vectors: int) -> list[str]:
    notes = []
    if program.variant.rounding is Rounding.SINGLE:
        notes.append("factors are rounded once: other numbers than TFLite Micro's by default")
    elif program.original_profile is not Profile.TFLM:
        notes.append(
            f"the model says profile {program.original_profile}; the C computes in tflm, and the "
            "golden vectors are the interpreter's in tflm (at most 1 code apart in a fully "
            "connected layer)"
        )
    if model.inputs is None and vectors:
        notes.append("the golden inputs are random codes")
    if not vectors:
        notes.append("weights only: ram_bytes is what an arena like ours would take")
    elif footprint is None:
        target = program.target
        is_linkable = target.board is not None or target.is_host
        missing = f"{target.compiler} is not installed"
        why = missing if is_linkable else f"nothing is linked for {target.name}"
        notes.append(f"{why}: flash_bytes is the constants alone, ram_bytes the arena alone")
    return notes
