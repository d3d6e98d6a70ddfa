"""Overlap: how many bytes before its input an output must start to be written while that is read.

A convolution or pooling writes its pixels one after the other and reads from the front to the
back, so the output may lie over input that no later pixel reads. Where that pays the arena puts it
there: a depthwise convolution then takes its input and a row more, a 1 x 1 convolution no more than
the larger of the two, and no value is copied. The idea is that of Blacker, Bridges and Hadfield,
"Diagonal Memory Optimisation for Machine Learning on Micro-controllers" (arXiv 2010.01668).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_export.c_text import Initial
from firmware_export.calls import Call
from firmware_export.parameters import Parameters
from firmware_export.storage import Storage
from quantize.ir.graph import IntGraph
from quantize.ir.ops import input_names

# How many pixels a kernel may have written, the one at work included, before it has read all that
# the one at work needs: 0 where it copies its window first, or writes a channel only after it has
# read the same channel of all cells. A kernel that is not named here may not overlap.
_PIXELS_AHEAD: Mapping[str, int] = {
    "edge_conv_s8": 0,
    "edge_pointwise_conv_s8": 1,
    "edge_conv_dsp_s8": 0,
    "edge_conv_mve_s8": 0,
    "edge_pointwise_conv_mve_s8": 1,
    "edge_depthwise_conv_s8": 0,
    "edge_depthwise_conv_dsp_s8": 0,
    "edge_depthwise_conv_mve_s8": 0,
    "edge_average_pool_s8": 0,
    "edge_max_pool_s8": 0,
}
# What makes more channels than these 16 by 16 for a row: some of all its pixels may be written
# before others of the first are read.
_CHANNELS_AT_ONCE = {"edge_depthwise_conv_mve_s8": 16}
_NEVER = 1 << 40  # beyond every row, column and cell


def kernel_lead_bytes(parameters: Parameters) -> int | None:
    """Return how many bytes before its input a kernel's output must start; None for apart.

    That is the furthest that what has been written is ahead of what is still to be read. Negative
    where it never gets there: a stride of 2 leaves more behind than it writes.
    """
    ahead = _PIXELS_AHEAD.get(parameters.kernel)
    if ahead is None:
        return None
    fields = _shape(parameters)
    inputs, outputs = _image(fields["input"]), _image(fields["output"])
    if outputs[2] > inputs[2] and "depthwise" in parameters.kernel:
        ahead = 1  # one channel read is several written
    if outputs[2] > _CHANNELS_AT_ONCE.get(parameters.kernel, outputs[2]):
        ahead = outputs[1]
    rows, columns = (_first_cells(fields, axis) for axis in (0, 1))
    cells = np.minimum(rows[:, None] * inputs[1] + columns, _NEVER).reshape(-1) * inputs[2]
    still_read = np.minimum.accumulate(cells[::-1])[::-1]
    written = (np.arange(len(cells)) + ahead) * outputs[2]
    return int((written - still_read).max())


@dataclass(frozen=True, slots=True)
class _Access:
    """Bytes [begin, end) of a buffer, read or written by the operation at `index`."""

    index: int
    buffer: str
    begin: int
    end: int


def buffer_leads(
    graph: IntGraph, calls: Sequence[Call], storage: Storage, sizes: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """Return the leads (arena.py) of the pairs of buffers that need not lie apart.

    Args:
        graph: Whose tensors are meant.
        calls: Those that are left: what moves no byte reads none.
        storage: Which buffers the tensors lie in.
        sizes: Of the tensors, in bytes.
    """
    accesses = _Accesses(graph, calls, storage, sizes)
    found = {}
    for read, life in storage.lifetimes.items():
        for written, other in storage.lifetimes.items():
            if life.first < other.first <= life.last:
                lead = accesses.lead(written, read)
                if lead is not None and lead < sizes[written]:
                    found[written, read] = lead
    return found


class _Accesses:
    """Who reads and writes which bytes, in order."""

    def __init__(
        self, graph: IntGraph, calls: Sequence[Call], storage: Storage, sizes: Mapping[str, int]
    ) -> None:
        self._storage, self._sizes = storage, sizes
        self._reads: dict[str, list[_Access]] = {}
        self._writes: dict[str, list[_Access]] = {}
        self._kernels = {
            call.output: call.parameters for call in calls if call.parameters is not None
        }
        moved = {call.output for call in calls}
        for index, operation in enumerate(graph.operations):
            if operation.output in moved:
                self._add(self._writes, index, (operation.output,))
                self._add(self._reads, index, input_names(operation))
        self._outputs = [operation.output for operation in graph.operations]
        self._add(self._reads, len(graph.operations), graph.outputs)

    def _add(self, to: dict[str, list[_Access]], index: int, names: Sequence[str]) -> None:
        for name in names:
            if name in self._storage.buffer_of:
                buffer, begin = self._storage.buffer_of[name], self._storage.start_of(name)
                access = _Access(index, buffer, begin, begin + self._sizes[name])
                to.setdefault(buffer, []).append(access)

    def lead(self, written: str, read: str) -> int | None:
        """Return how far writing `written` gets ahead of reading `read`; None if that is changed.

        What is written at one time must not lie over what is read then or later.
        """
        first = self._storage.lifetimes[written].first
        if any(write.index >= first for write in self._writes.get(read, ())):
            return None
        return max(self._distances(written, read), default=None)

    def _distances(self, written: str, read: str) -> Iterator[int]:
        for write in self._writes[written]:
            for access in self._reads.get(read, ()):
                if access.index > write.index:
                    yield write.end - access.begin
                elif access.index == write.index:
                    yield write.begin + self._kernel_lead(write) - access.begin

    def _kernel_lead(self, write: _Access) -> int:
        """Return the lead of the kernel that writes, its whole output if it has none."""
        parameters = self._kernels.get(self._outputs[write.index])
        lead = None if parameters is None else kernel_lead_bytes(parameters)
        return write.end - write.begin if lead is None else lead


def _shape(parameters: Parameters) -> Mapping[str, Initial]:
    shape = parameters.fields.get("shape", parameters.fields)
    assert isinstance(shape, Mapping)
    return shape


def _image(value: Initial) -> list[int]:
    assert isinstance(value, tuple)
    return [size for size in value if isinstance(size, int)]


def _first_cells(fields: Mapping[str, Initial], axis: int) -> npt.NDArray[np.int64]:
    """Return the first row or column that each window reads, _NEVER where it reads none."""
    side, edge = ("height", "width")[axis], ("top", "left")[axis]
    kernel, stride = _integer(fields[f"kernel_{side}"]), _integer(fields[f"stride_{side}"])
    dilation = _integer(fields.get(f"dilation_{side}", 1))
    size, count = (_image(fields[name])[axis] for name in ("input", "output"))
    origins = np.arange(count)[:, None] * stride - _integer(fields[f"pad_{edge}"])
    cells = origins + dilation * np.arange(kernel)
    is_inside = (cells >= 0) & (cells < size)
    first: npt.NDArray[np.int64] = np.where(is_inside, cells, _NEVER).min(axis=1)
    return first


def _integer(value: Initial) -> int:
    assert isinstance(value, int)
    return value
