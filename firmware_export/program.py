"""The program: everything that the C text of one model is printed from."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_export.arena import ArenaPlan, Leads, bound_bytes, plan_arena
from firmware_export.bands import Bands, in_bands
from firmware_export.c_text import MAX_PREFIX_LENGTH, check_prefix, identifier
from firmware_export.calls import Call, kernel_calls
from firmware_export.errors import UnsupportedForCError
from firmware_export.lifetimes import Lifetime
from firmware_export.overlap import buffer_leads
from firmware_export.storage import Storage, share_storage
from firmware_export.target import Target
from firmware_export.variant import DEFAULT_VARIANT, Variant
from quantize.ir.graph import DType, IntGraph, Profile
from quantize.ir.spec import check_integer

# In one buffer only where storage.py has seen that the bytes are where they have to be.
_MOVING_KERNELS = ("edge_slice_s8", "edge_concat_s8")


@dataclass(frozen=True, slots=True)
class Memory:
    """How a model is to be fitted into a chip's memories.

    Attributes:
        bands: How the first layers are cut, None where they are computed whole.
        external_from_bytes: From which size on a table of constants goes to external flash, None
            where all of them stay together.
    """

    bands: Bands | None = None
    external_from_bytes: int | None = None


PLAIN = Memory()


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A model for one target.

    Attributes:
        prefix: Of every name with external linkage, and of the file names.
        graph: In the profile that the variant's kernels compute, `tflm` or `single`, its head in
            bands if so wanted.
        calls: In order, without the copies that shared storage makes superfluous.
        storage: Which buffer each tensor lies in.
        leads: Which buffers may lie over one another (arena.py).
        arena: Where each buffer lies.
        memory: How it was fitted into the chip's memories.
        input_names: C identifiers of the inputs, in the graph's order.
        output_names: C identifiers of the outputs, in the graph's order.
        original_profile: The profile that the graph had before.
        variant: What the code is optimized for, and how it rounds.
    """

    prefix: str
    target: Target
    graph: IntGraph
    calls: tuple[Call, ...]
    storage: Storage
    leads: Leads
    arena: ArenaPlan
    memory: Memory
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    original_profile: Profile
    variant: Variant

    def offset(self, name: str) -> int:
        """Return where a computed or fed tensor starts in the arena, in bytes."""
        return self.arena.offsets[self.storage.buffer_of[name]] + self.storage.start_of(name)

    def scratch_offset(self, call: Call) -> int | None:
        """Return where a call's scratch memory starts in the arena, in bytes; None without any."""
        return self.arena.offsets.get(scratch_name(call.output))

    def size_bytes(self, name: str) -> int:
        """Return how many bytes a tensor holds."""
        return self.graph.tensors[name].size_bytes


def plan_program(
    graph: IntGraph,
    target: Target,
    prefix: str | None = None,
    *,
    memory: Memory = PLAIN,
    variant: Variant = DEFAULT_VARIANT,
) -> Program:
    """Return the program of a graph; without `prefix` it is made from the graph's name.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
        NamingError: `prefix` is not legal.
        BandsError: The graph cannot be cut into these bands.
    """
    whole = check_integer(graph, variant.rounding.profile)
    computed = whole if memory.bands is None else in_bands(whole, memory.bands)
    demand = arena_demand(computed, target)
    return Program(
        prefix=default_prefix(graph.name) if prefix is None else check_prefix(prefix),
        target=target,
        graph=computed,
        calls=demand.calls,
        storage=demand.storage,
        leads=demand.leads,
        arena=demand.plan(),
        memory=memory,
        input_names=_identifiers(graph.inputs),
        output_names=_identifiers(graph.outputs),
        original_profile=graph.profile,
        variant=variant,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What a graph's arena must hold.

    Attributes:
        calls: Those that move or compute bytes.
        storage: Which buffer each tensor lies in.
        leads: Which buffers may lie over one another.
        lifetimes: Of the buffers, scratch memory among them.
        sizes: Of the same, in bytes.
        alignment: In bytes.
    """

    calls: tuple[Call, ...]
    storage: Storage
    leads: Leads
    lifetimes: Mapping[str, Lifetime]
    sizes: Mapping[str, int]
    alignment: int

    def plan(self) -> ArenaPlan:
        """Return the arena."""
        return plan_arena(self.lifetimes, self.sizes, self.alignment, self.leads)

    def bound_bytes(self) -> int:
        """Return what no plan undercuts, without making one."""
        return bound_bytes(self.lifetimes, self.sizes, self.alignment, self.leads)


def arena_demand(graph: IntGraph, target: Target) -> Demand:
    """Return what the arena of a graph in profile `tflm` must hold.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
    """
    storage = share_storage(graph)
    every_call = kernel_calls(graph, target.tier)
    calls = tuple(call for call in every_call if not _is_superfluous(call, storage))
    sizes = {name: graph.tensors[name].size_bytes for name in storage.buffer_of}
    scratch, scratch_sizes = _scratch(calls, graph)
    return Demand(
        calls=calls,
        storage=storage,
        leads=buffer_leads(graph, calls, storage, sizes),
        lifetimes={**storage.lifetimes, **scratch},
        sizes=sizes | scratch_sizes,
        alignment=target.alignment_bytes,
    )


def check_codes_only(program: Program, package: str) -> None:
    """Refuse a package whose interface is made of bytes where an input or output is not.

    Raises:
        UnsupportedForCError: Names them.
    """
    tensors = program.graph.tensors
    names = (*program.graph.inputs, *program.graph.outputs)
    others = [name for name in names if tensors[name].dtype is not DType.INT8]
    if others:
        problems = [f"{name}: {tensors[name].dtype}, {package} takes int8" for name in others]
        raise UnsupportedForCError(program.graph.name, problems)


def default_prefix(name: str) -> str:
    """Return a legal prefix that says the model's name."""
    said = identifier(name)
    own = f"model_{said}" if said.startswith("edge_") else said
    return check_prefix(own[:MAX_PREFIX_LENGTH].rstrip("_"))


def scratch_name(output: str) -> str:
    """Return the buffer name of a kernel's scratch memory; no tensor can be called that."""
    return f"{output}\0scratch"


def _scratch(
    calls: tuple[Call, ...], graph: IntGraph
) -> tuple[dict[str, Lifetime], dict[str, int]]:
    """Return lifetime and size of the scratch memory of each call that takes some."""
    sizes = {
        call.output: call.parameters.scratch_bytes
        for call in calls
        if call.parameters is not None and call.parameters.scratch_bytes
    }
    position = {operation.output: index for index, operation in enumerate(graph.operations)}
    lifetimes = {scratch_name(name): Lifetime(position[name], position[name]) for name in sizes}
    return lifetimes, {scratch_name(name): size for name, size in sizes.items()}


def _is_superfluous(call: Call, storage: Storage) -> bool:
    same = storage.buffer_of.get(call.inputs[0]) == storage.buffer_of[call.output]
    return same and (call.parameters is None or call.parameters.kernel in _MOVING_KERNELS)


def _identifiers(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) == 1:
        return ("",)  # the only one needs no name: PREFIX_input
    chosen: list[str] = []
    for name in names:
        chosen.append(identifier(name, chosen))
    return tuple(chosen)
