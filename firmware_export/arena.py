"""The arena: one static block of bytes, in which every buffer has its offset planned offline.

Buffers alive at once lie apart, but for those of which one is written while the other is read from
its start on: there the written one has only to start so many bytes before the other that it never
catches up with what is still to be read. That distance is a lead (overlap.py); a negative one
lets the written buffer start behind the other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firmware_export.lifetimes import Lifetime

Leads = Mapping[tuple[str, str], int]  # (written, read) to bytes
PROMOTIONS = 64  # how often a buffer that sticks out is placed earlier, per order tried


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """Where each buffer lies.

    Attributes:
        offsets: Of each buffer, in bytes from the start of the arena.
        size_bytes: Of the arena.
        bound_bytes: The most that buffers alive at once take, leads used; no plan is smaller.
    """

    offsets: Mapping[str, int]
    size_bytes: int
    bound_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class _Buffer:
    name: str
    lifetime: Lifetime
    size: int  # rounded up to the alignment


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A buffer alive at the same time: this one starts `before` it, or `behind` it, at least."""

    other: _Buffer
    before: int
    behind: int


def plan_arena(
    lifetimes: Mapping[str, Lifetime],
    sizes: Mapping[str, int],
    alignment: int = 4,
    leads: Leads | None = None,
) -> ArenaPlan:
    """Return offsets in as few bytes as we find, so that no buffer loses a byte too early.

    Greedy from several orders; whoever then sticks out is placed earlier in the next try. It stops
    at the first plan that meets the bound. The same arguments give the same plan.

    Args:
        lifetimes: Of each buffer.
        sizes: Of the same buffers, in bytes.
        alignment: Of every offset and of the arena's size, in bytes.
        leads: Of the pairs that need not lie apart.
    """
    buffers, aligned = _aligned(lifetimes, sizes, alignment, leads or {})
    bound = _largest_live_set(buffers, aligned)
    neighbours = _neighbours(buffers, aligned)
    best = _place(buffers, neighbours)
    for order in _orders(buffers, aligned):
        best = min(best, _improve(order, bound, neighbours), key=_end)
        if _end(best) == bound:
            break
    return ArenaPlan({b.name: best[b] for b in buffers}, _end(best), bound)


def bound_bytes(
    lifetimes: Mapping[str, Lifetime], sizes: Mapping[str, int], alignment: int, leads: Leads
) -> int:
    """Return the bytes that no plan undercuts; the arguments are those of `plan_arena`."""
    return _largest_live_set(*_aligned(lifetimes, sizes, alignment, leads))


def _aligned(
    lifetimes: Mapping[str, Lifetime], sizes: Mapping[str, int], alignment: int, leads: Leads
) -> tuple[list[_Buffer], Leads]:
    buffers = [
        _Buffer(name, lifetime, round_up(sizes[name], alignment))
        for name, lifetime in sorted(lifetimes.items())
    ]
    return buffers, {pair: round_up(lead, alignment) for pair, lead in leads.items()}


def round_up(count: int, multiple: int) -> int:
    """Return the next multiple, `count` itself where it is one."""
    return -(-count // multiple) * multiple


def saved_bytes(written: int, read: int, lead: int) -> int:
    """Return how many of the bytes of two buffers lie in both where the lead is used."""
    together = max(written, max(lead, 0) + read)
    return max(written + read - together, 0)


def greedy_arena_bytes(
    lifetimes: Mapping[str, Lifetime], sizes: Mapping[str, int], alignment: int
) -> int:
    """Return the bytes of the plan that places the largest first, as TFLM's own planner does.

    Of equal buffers it may take the earlier or the later one first: the worse plan counts.
    Source: tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc.
    """
    buffers = [
        _Buffer(name, lifetime, round_up(sizes[name], alignment))
        for name, lifetime in lifetimes.items()
    ]
    latest_first = sorted(buffers, key=lambda buffer: -buffer.lifetime.first)
    orders = (sorted(buffers, key=_by_size), sorted(latest_first, key=lambda b: -b.size))
    return max(_end(_place(order, _neighbours(buffers, {}))) for order in orders)


def _by_size(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.size, buffer.lifetime.first)


def _by_area(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.size * (buffer.lifetime.last - buffer.lifetime.first + 1),)


def _by_length(buffer: _Buffer) -> tuple[int, ...]:
    return (buffer.lifetime.first - buffer.lifetime.last, -buffer.size)


def _by_start(buffer: _Buffer) -> tuple[int, ...]:
    return (buffer.lifetime.first, -buffer.size)


def _latest_first(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.lifetime.first, -buffer.size)


def _by_size_latest_first(buffer: _Buffer) -> tuple[int, ...]:
    return (-buffer.size, -buffer.lifetime.first)


# Along a chain of leads each buffer lies before the one it is made from: hence the latest first.
_ORDERS: tuple[Callable[[_Buffer], tuple[int, ...]], ...] = (
    _by_size,
    _by_area,
    _by_length,
    _by_start,
    _latest_first,
    _by_size_latest_first,
)


def _orders(buffers: Sequence[_Buffer], leads: Leads) -> Iterator[list[_Buffer]]:
    """Give the orders to try; the last one begins with who is there at the fullest moments."""
    for key in _ORDERS:
        yield sorted(buffers, key=key)
    moments = {buffer.lifetime.first for buffer in buffers}
    live = {moment: _live_bytes(buffers, moment, leads) for moment in moments}
    fullest = {
        buffer: max(live[at] for at in moments if buffer.lifetime.overlaps(Lifetime(at, at)))
        for buffer in buffers
    }
    yield sorted(buffers, key=lambda buffer: (-fullest[buffer], *_latest_first(buffer)))


def _largest_live_set(buffers: Sequence[_Buffer], leads: Leads) -> int:
    moments = {buffer.lifetime.first for buffer in buffers}
    return max((_live_bytes(buffers, moment, leads) for moment in moments), default=0)


def _live_bytes(buffers: Sequence[_Buffer], moment: int, leads: Leads) -> int:
    """Return a bound: the largest buffer, and all less what each pair can save on its own."""
    alive = {b.name: b.size for b in buffers if b.lifetime.first <= moment <= b.lifetime.last}
    saved = sum(
        saved_bytes(alive[written], alive[read], lead)
        for (written, read), lead in leads.items()
        if written in alive and read in alive
    )
    return max(sum(alive.values()) - saved, *alive.values())


def _improve(
    order: list[_Buffer], bound: int, neighbours: Mapping[_Buffer, Sequence[_Neighbour]]
) -> dict[_Buffer, int]:
    best = placed = _place(order, neighbours)
    for _ in range(PROMOTIONS):
        if _end(best) == bound:
            break
        highest = max(order, key=lambda buffer: placed[buffer] + buffer.size)
        order.remove(highest)
        order.insert(0, highest)
        placed = _place(order, neighbours)
        best = min(best, placed, key=_end)
    return best


def _place(
    order: Sequence[_Buffer], neighbours: Mapping[_Buffer, Sequence[_Neighbour]]
) -> dict[_Buffer, int]:
    placed: dict[_Buffer, int] = {}
    for buffer in order:
        placed[buffer] = _lowest_gap(neighbours[buffer], placed)
    return placed


def _lowest_gap(neighbours: Sequence[_Neighbour], placed: Mapping[_Buffer, int]) -> int:
    """Return the lowest offset that is, for each neighbour, not in between what it forbids."""
    taken = sorted(
        (placed[at.other] - at.before, placed[at.other] + at.behind)
        for at in neighbours
        if at.other in placed
    )
    offset = 0
    for above, below in taken:
        if above >= below:
            continue
        if offset <= above:
            break
        offset = max(offset, below)
    return offset


def _neighbours(buffers: Sequence[_Buffer], leads: Leads) -> dict[_Buffer, tuple[_Neighbour, ...]]:
    return {
        buffer: tuple(
            _Neighbour(
                other,
                min(leads.get((buffer.name, other.name), buffer.size), buffer.size),
                min(leads.get((other.name, buffer.name), other.size), other.size),
            )
            for other in buffers
            if other is not buffer and other.lifetime.overlaps(buffer.lifetime)
        )
        for buffer in buffers
    }


def _end(placed: Mapping[_Buffer, int]) -> int:
    return max((start + buffer.size for buffer, start in placed.items()), default=0)
