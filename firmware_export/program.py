"""The program: everything that the C text of one model is printed from."""

import math
from dataclasses import dataclass

import numpy as np

from firmware_export.arena import ArenaPlan, plan_arena
from firmware_export.c_text import MAX_PREFIX_LENGTH, check_prefix, identifier
from firmware_export.calls import Call, kernel_calls
from firmware_export.lifetimes import Lifetime
from firmware_export.storage import Storage, share_storage
from firmware_export.target import Target
from quantize.ir.graph import IntGraph, Profile
from quantize.ir.spec import check_integer


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A model for one target.

    Attributes:
        prefix: Of every name with external linkage, and of the file names.
        graph: In profile `tflm`, which is what the kernels compute.
        calls: In order, without the copies that shared storage makes superfluous.
        storage: Which buffer each tensor lies in.
        arena: Where each buffer lies.
        input_names: C identifiers of the inputs, in the graph's order.
        output_names: C identifiers of the outputs, in the graph's order.
        original_profile: The profile that the graph had before.
    """

    prefix: str
    target: Target
    graph: IntGraph
    calls: tuple[Call, ...]
    storage: Storage
    arena: ArenaPlan
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    original_profile: Profile

    def offset(self, name: str) -> int:
        """Return where a computed or fed tensor starts in the arena, in bytes."""
        return self.arena.offsets[self.storage.buffer_of[name]]

    def scratch_offset(self, call: Call) -> int | None:
        """Return where a call's scratch memory starts in the arena, in bytes; None without any."""
        return self.arena.offsets.get(scratch_name(call.output))

    def size_bytes(self, name: str) -> int:
        """Return how many bytes a tensor holds."""
        return tensor_bytes(self.graph, name)


def plan_program(graph: IntGraph, target: Target, prefix: str | None = None) -> Program:
    """Return the program of a graph; without `prefix` it is made from the graph's name.

    Raises:
        UnsupportedForCError: Names everything that the C cannot say.
        NamingError: `prefix` is not legal.
    """
    in_tflm = check_integer(graph, Profile.TFLM)
    calls = kernel_calls(in_tflm, target.tier)
    storage = share_storage(in_tflm)
    sizes = {name: tensor_bytes(in_tflm, name) for name in storage.lifetimes}
    scratch, scratch_sizes = _scratch(calls, in_tflm)
    return Program(
        prefix=default_prefix(graph.name) if prefix is None else check_prefix(prefix),
        target=target,
        graph=in_tflm,
        calls=tuple(call for call in calls if not _is_superfluous(call, storage)),
        storage=storage,
        arena=plan_arena(
            {**storage.lifetimes, **scratch}, sizes | scratch_sizes, target.alignment_bytes
        ),
        input_names=_identifiers(graph.inputs),
        output_names=_identifiers(graph.outputs),
        original_profile=graph.profile,
    )


def default_prefix(name: str) -> str:
    """Return a legal prefix that says the model's name."""
    said = identifier(name)
    own = f"model_{said}" if said.startswith("edge_") else said
    return check_prefix(own[:MAX_PREFIX_LENGTH].rstrip("_"))


def tensor_bytes(graph: IntGraph, name: str) -> int:
    """Return how many bytes a tensor holds."""
    tensor = graph.tensors[name]
    return math.prod(tensor.shape) * np.dtype(tensor.dtype.value).itemsize


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
    return call.parameters is None and same


def _identifiers(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) == 1:
        return ("",)  # the only one needs no name: PREFIX_input
    chosen: list[str] = []
    for name in names:
        chosen.append(identifier(name, chosen))
    return tuple(chosen)
