"""Paddings that TFLite cannot say, neither VALID nor SAME, become a Pad in front."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    MaxPool2D,
    Mul,
    Operation,
    Pad,
    Padding,
    PadFill,
)
from quantize.ir.shapes import same_padding
from quantize.passes.editing import as_float32, fresh_name, rebuild

Padded = Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D


def explicit_padding(graph: FloatGraph) -> FloatGraph:
    """Return the graph in which every padding is VALID or SAME.

    Max pools are padded with the lowest value. An average pool does not count padded cells, so
    behind the pool over zeros a constant per place brings the sum back to the mean.
    """
    split = _Split(graph)
    operations = [part for operation in graph.operations for part in split.parts(operation)]
    return rebuild(graph, operations, split.constants)


@dataclass(slots=True)
class _Split:
    graph: FloatGraph
    constants: dict[str, Array] = field(default_factory=dict)
    pads: dict[Pad, str] = field(default_factory=dict)  # by what they do: readers share them

    def parts(self, operation: Operation) -> Iterator[Operation]:
        if not isinstance(operation, Padded) or self._is_sayable(operation):
            yield operation
            return
        fill = PadFill.LOWEST if isinstance(operation, MaxPool2D) else PadFill.ZERO
        kind = Pad(operation.input, "", _amounts(operation.padding), fill)
        if kind not in self.pads:
            self.pads[kind] = fresh_name(self.graph, f"{operation.output}/padded")
            yield replace(kind, output=self.pads[kind])
        if isinstance(operation, AveragePool2D):
            yield from self._mean_of_counted(operation, self.pads[kind])
        else:
            yield replace(operation, input=self.pads[kind], padding=Padding())

    def _mean_of_counted(self, pool: AveragePool2D, padded: str) -> Iterator[Operation]:
        sums = fresh_name(self.graph, f"{pool.output}/over_padding")
        factor = fresh_name(self.graph, f"{pool.output}/share_counted")
        size = self.graph.tensors[pool.input].shape[1:3]
        self.constants[factor] = as_float32(
            _inverse_share(size[0], (pool.padding.top, pool.padding.bottom), pool, 0)[:, None]
            * _inverse_share(size[1], (pool.padding.left, pool.padding.right), pool, 1)
        )[None, :, :, None]
        yield AveragePool2D(padded, sums, pool.kernel, pool.stride)
        yield Mul(sums, factor, pool.output, pool.activation)

    def _is_sayable(self, operation: Padded) -> bool:
        size = self.graph.tensors[operation.input].shape[1:3]
        if isinstance(operation, Conv2D | DepthwiseConv2D):
            kernel = self.graph.tensors[operation.weight].shape[1:3]
            dilation = operation.dilation
        else:
            kernel, dilation = operation.kernel, (1, 1)
        same = same_padding((size[0], size[1]), (kernel[0], kernel[1]), operation.stride, dilation)
        return operation.padding in {Padding(), same}


def _amounts(padding: Padding) -> tuple[tuple[int, int], ...]:
    return ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))


def _inverse_share(size: int, pads: tuple[int, int], pool: AveragePool2D, axis: int) -> Array:
    """Return, for each window along an axis, its cells over those of them inside the image."""
    kernel, stride = pool.kernel[axis], pool.stride[axis]
    inside = np.pad(np.ones(size), pads)
    windows = np.lib.stride_tricks.sliding_window_view(inside, kernel)[::stride]
    shares: Array = kernel / windows.sum(axis=1)
    return shares
