"""Lifetimes: from which operation to which a tensor's bytes must stay as they are."""

from dataclasses import dataclass

from quantize.ir.graph import IntGraph
from quantize.ir.ops import input_names


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Positions in `graph.operations`, both included.

    Attributes:
        first: The operation that writes the tensor; -1 for an input of the graph.
        last: The last operation that reads it; the number of operations for an output.
    """

    first: int
    last: int

    def overlaps(self, other: "Lifetime") -> bool:
        """Tell whether both must be in memory at some one time."""
        return self.first <= other.last and other.first <= self.last

    def joined(self, other: "Lifetime") -> "Lifetime":
        """Return the lifetime of a buffer that holds first the one, then the other."""
        return Lifetime(min(self.first, other.first), max(self.last, other.last))


def tensor_lifetimes(graph: IntGraph) -> dict[str, Lifetime]:
    """Return the lifetime of every tensor that is computed or fed; constants have none."""
    first = dict.fromkeys(graph.inputs, -1)
    first |= {operation.output: index for index, operation in enumerate(graph.operations)}
    last = dict(first)
    for index, operation in enumerate(graph.operations):
        last |= {name: index for name in input_names(operation) if name in first}
    last |= {name: len(graph.operations) for name in graph.outputs}
    return {name: Lifetime(start, last[name]) for name, start in first.items()}
