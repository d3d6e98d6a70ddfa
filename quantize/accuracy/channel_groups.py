"""Which tensors' channels belong together: what is done to one has to be done to all."""

from dataclasses import dataclass

from quantize.ir.graph import FloatGraph


@dataclass(slots=True)
class ChannelGroups:
    """Tensors whose channels are treated alike, as a forest; `closed` roots are left alone."""

    parent: dict[str, str]
    closed: set[str]

    def root(self, name: str) -> str:
        """Return the tensor that stands for the group."""
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def join(self, left: str, right: str) -> None:
        """Put two tensors into one group; it is closed if one of theirs was."""
        left, right = self.root(left), self.root(right)
        self.parent[left] = right
        if left in self.closed:
            self.closed.add(right)

    def close(self, name: str) -> None:
        """Leave the tensor's group alone; a constant has none."""
        if name in self.parent:
            self.closed.add(self.root(name))

    def open(self) -> tuple[tuple[str, ...], ...]:
        """Return the groups that are not closed, in the graph's order."""
        members: dict[str, list[str]] = {}
        for name in self.parent:
            if self.root(name) not in self.closed:
                members.setdefault(self.root(name), []).append(name)
        return tuple(tuple(group) for group in members.values())


def groups_of_one(graph: FloatGraph) -> ChannelGroups:
    """Return every activation in a group of its own, those of inputs and outputs closed."""
    activations = [*graph.inputs, *(operation.output for operation in graph.operations)]
    return ChannelGroups({name: name for name in activations}, {*graph.inputs, *graph.outputs})
