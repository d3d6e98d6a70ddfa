"""The arena: one static block of bytes, in which every buffer has its offset planned offline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from firmware_export.lifetimes import Lifetime

PROMOTIONS = 64  # how often a buffer that sticks out is placed earlier, per order tried


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """Where each buffer lies.

    Attributes:
        offsets: Of each buffer, in bytes from the start of the arena.
        size_bytes: Of the arena.
        bound_bytes: The largest sum of buffers that are alive at once; no plan is smaller.
    """

    offsets: Mapping[str, int]
    size_bytes: int
    bound_bytes: int


@dataclass(frozen=True, slots=True)
class _Buffer:
    name: str
    lifetime: Lifetime
    size: int  # rounded up to the alignment


def plan_arena(
    lifetimes: Mapping[str, Lifetime], sizes: Mapping[str, int], alignment: int = 4
) -> ArenaPlan:
    """Return offsets so that buffers alive at once never overlap, in as few bytes as we find.

    Greedy from several orders; whoever then sticks out is placed earlier in the next try. It stops
    at the first plan that meets the bound. The same arguments give the same plan.

    Args:
        lifetimes: Of each buffer.
        sizes: Of the same buffers, in bytes.
        alignment: Of every offset and of the arena's size, in bytes.
    """
    buffers = [
        _Buffer(name, lifetime, -(-sizes[name] // alignment) * alignment)
        for name, lifetime in sorted(lifetimes.items())
    ]
    bound = _largest_live_set(buffers)
    best = _place(buffers)
    for key in _ORDERS:
        best = min(best, _improve(sorted(buffers, key=key), bound), key=_end)
        if _end(best) == bound:
            break
    return ArenaPlan({b.name: best[b] for b in buffers}, _end(best), bound)


def greedy_arena_bytes(
    lifetimes: Mapping[str, Lifetime], sizes: Mapping[str, int], alignment: int
) -> int:
    """Return the bytes of the plan that places the largest first, as TFLM's own planner does.

    Of equal buffers it may take the earlier or the later one first: the worse plan counts.
    Source: tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc.
    """
    buffers = [
        _Buffer(name, lifetime, -(-sizes[name] // alignment) * alignment)
        for name, lifetime in lifetimes.items()
    ]
    latest_first = sorted(buffers, key=lambda buffer: -buffer.lifetime.first)
    orders = (sorted(buffers, key=_by_size), sorted(latest_first, key=lambda b: -b.size))
    return max(_end(_place(order)) for order in orders)


def _by_size(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.size, buffer.lifetime.first)


def _by_area(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.size * (buffer.lifetime.last - buffer.lifetime.first + 1),)


def _by_length(buffer: _Buffer) -> tuple[int, ...]:
    return (buffer.lifetime.first - buffer.lifetime.last, -buffer.size)


def _by_start(buffer: _Buffer) -> tuple[int, ...]:
    return (buffer.lifetime.first, -buffer.size)


_ORDERS: tuple[Callable[[_Buffer], tuple[int, ...]], ...] = (
    _by_size,
    _by_area,
    _by_length,
    _by_start,
)


def _largest_live_set(buffers: Sequence[_Buffer]) -> int:
    moments = {buffer.lifetime.first for buffer in buffers}
    return max((_live_bytes(buffers, moment) for moment in moments), default=0)


def _live_bytes(buffers: Sequence[_Buffer], moment: int) -> int:
    return sum(b.size for b in buffers if b.lifetime.first <= moment <= b.lifetime.last)


def _improve(order: list[_Buffer], bound: int) -> dict[_Buffer, int]:
    best = placed = _place(order)
    for _ in range(PROMOTIONS):
        if _end(best) == bound:
            break
        highest = max(order, key=lambda buffer: placed[buffer] + buffer.size)
        order.remove(highest)
        order.insert(0, highest)
        placed = _place(order)
        best = min(best, placed, key=_end)
    return best


def _place(order: Sequence[_Buffer]) -> dict[_Buffer, int]:
    placed: dict[_Buffer, int] = {}
    for buffer in order:
        placed[buffer] = _lowest_gap(buffer, placed)
    return placed


def _lowest_gap(buffer: _Buffer, placed: Mapping[_Buffer, int]) -> int:
    taken = sorted(
        (start, start + other.size)
        for other, start in placed.items()
        if other.lifetime.overlaps(buffer.lifetime)
    )
    offset = 0
    for start, end in taken:
        if offset + buffer.size <= start:
            break
        offset = max(offset, end)
    return offset


def _end(placed: Mapping[_Buffer, int]) -> int:
    return max((start + buffer.size for buffer, start in placed.items()), default=0)
