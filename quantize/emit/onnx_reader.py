"""What the nodes of one operation ask of the emitter that writes them."""

from collections.abc import Sequence
from typing import Protocol

from quantize.emit.onnx_nodes import Layout, NodeList
from quantize.ir.graph import Array, Graph
from quantize.ir.ops import PadFill


class Reader(Protocol):
    """How an emitter gives the tensors of its graph to the nodes of one operation."""

    nodes: NodeList

    @property
    def graph(self) -> Graph:
        """Return the graph that is being emitted."""
        ...

    def layout(self, name: str) -> Layout:
        """Return the layout in which an activation is there already."""
        ...

    def read(self, name: str, layout: Layout) -> str:
        """Return the name of a value that holds the tensor in this layout."""
        ...

    def parameter(self, name: str, permutation: Sequence[int]) -> str:
        """Return the name of a value that holds a permuted weight or bias."""
        ...

    def pad_value(self, name: str, fill: PadFill) -> Array:
        """Return the scalar that a Pad of this tensor puts around it."""
        ...
