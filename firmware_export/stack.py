"""The stack: what the deepest chain of calls needs, from the compiler's own call graph."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


@dataclass(frozen=True, slots=True)
class CallGraph:
    """Of one object file.

    Attributes:
        frame_bytes: Of every function that is defined in it.
        callees: What each function calls.
    """

    frame_bytes: Mapping[str, int]
    callees: Mapping[str, frozenset[str]]


def parse_call_graph(text: str) -> CallGraph:
    """Return the call graph that GCC's -fcallgraph-info=su wrote; names without the file."""
    frames = {_bare(title): int(size) for title, size in _NODE.findall(text)}
    callees: dict[str, frozenset[str]] = {name: frozenset() for name in frames}
    for caller, callee in _EDGE.findall(text):
        callees[_bare(caller)] = callees.get(_bare(caller), frozenset()) | {_bare(callee)}
    return CallGraph(frames, callees)


def deepest_stack_bytes(graph: CallGraph, function: str) -> int:
    """Return the bytes of the deepest chain from `function` down; the library's own count 0."""
    below = (deepest_stack_bytes(graph, callee) for callee in graph.callees.get(function, ()))
    return graph.frame_bytes.get(function, 0) + max(below, default=0)


def _bare(title: str) -> str:
    return title.rsplit(":", 1)[-1]
