from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_export.arena import plan_arena
from firmware_export.lifetimes import Lifetime

LIFETIMES = st.builds(
    lambda first, length: Lifetime(first, first + length), st.integers(-1, 8), st.integers(0, 6)
)
BUFFERS = st.dictionaries(
    st.integers(0, 30).map(str), st.tuples(LIFETIMES, st.integers(0, 100)), max_size=14
)
ALIGNMENTS = st.sampled_from([1, 4, 8, 16])


@settings(max_examples=150)
@given(BUFFERS, ALIGNMENTS)
def test_buffers_alive_at_once_never_overlap(
    buffers: dict[str, tuple[Lifetime, int]], alignment: int
) -> None:
    lifetimes = {name: lifetime for name, (lifetime, _) in buffers.items()}
    sizes = {name: size for name, (_, size) in buffers.items()}

    plan = plan_arena(lifetimes, sizes, alignment)

    cells: dict[tuple[int, int], str] = {}
    for name, life in lifetimes.items():
        assert plan.offsets[name] % alignment == 0
        assert plan.offsets[name] + sizes[name] <= plan.size_bytes
        for moment in range(life.first, life.last + 1):
            for byte in range(plan.offsets[name], plan.offsets[name] + sizes[name]):
                assert cells.setdefault((moment, byte), name) == name


@settings(max_examples=100)
@given(BUFFERS, ALIGNMENTS)
def test_the_arena_holds_the_largest_live_set_and_not_more_than_all(
    buffers: dict[str, tuple[Lifetime, int]], alignment: int
) -> None:
    lifetimes = {name: lifetime for name, (lifetime, _) in buffers.items()}
    sizes = {name: size for name, (_, size) in buffers.items()}

    plan = plan_arena(lifetimes, sizes, alignment)

    moments = range(-1, 16)
    live = [
        sum(sizes[name] for name, life in lifetimes.items() if life.first <= moment <= life.last)
        for moment in moments
    ]
    assert max(live) <= plan.bound_bytes <= plan.size_bytes
    assert plan.size_bytes <= sum(-(-size // alignment) * alignment for size in sizes.values())
    assert plan.size_bytes % alignment == 0


def test_a_chain_needs_no_more_than_its_largest_neighbours() -> None:
    lifetimes = {str(i): Lifetime(i - 1, i) for i in range(12)}
    sizes = {str(i): (i * 37) % 11 + 1 for i in range(12)}

    plan = plan_arena(lifetimes, sizes, 1)

    assert plan.size_bytes == plan.bound_bytes


def test_a_case_that_greedy_by_size_misses_is_solved() -> None:
    lifetimes = {
        "a": Lifetime(0, 1),
        "b": Lifetime(1, 3),
        "c": Lifetime(3, 5),
        "d": Lifetime(0, 4),
        "e": Lifetime(5, 6),
    }
    sizes = {"a": 40, "b": 30, "c": 40, "d": 10, "e": 50}

    plan = plan_arena(lifetimes, sizes, 1)

    assert plan.size_bytes == plan.bound_bytes == 90


def test_where_no_order_meets_the_bound_the_best_plan_is_returned() -> None:
    lifetimes = {
        "a": Lifetime(3, 4),
        "b": Lifetime(3, 6),
        "c": Lifetime(1, 1),
        "d": Lifetime(1, 3),
        "e": Lifetime(1, 5),
        "f": Lifetime(6, 8),
        "g": Lifetime(4, 5),
        "h": Lifetime(4, 7),
        "i": Lifetime(3, 6),
    }
    sizes = {"a": 1, "b": 6, "c": 2, "d": 5, "e": 5, "f": 7, "g": 3, "h": 4, "i": 7}

    plan = plan_arena(lifetimes, sizes, 1)

    assert (plan.bound_bytes, plan.size_bytes) == (26, 27)


@settings(max_examples=150)
@given(BUFFERS, ALIGNMENTS, st.data())
def test_what_is_written_starts_its_lead_before_what_is_read_or_lies_apart(
    buffers: dict[str, tuple[Lifetime, int]], alignment: int, data: st.DataObject
) -> None:
    lifetimes = {name: lifetime for name, (lifetime, _) in buffers.items()}
    sizes = {name: size for name, (_, size) in buffers.items()}
    later = [
        (written, read)
        for written, read in permutations(lifetimes, 2)
        if lifetimes[read].first < lifetimes[written].first <= lifetimes[read].last
    ]
    chosen = data.draw(st.lists(st.sampled_from(later), unique=True)) if later else []
    leads = {pair: data.draw(st.integers(-40, 100)) for pair in chosen}

    plan = plan_arena(lifetimes, sizes, alignment, leads)

    for one, other in permutations(lifetimes, 2):
        if lifetimes[one].overlaps(lifetimes[other]):
            start, next_start = plan.offsets[one], plan.offsets[other]
            is_apart = start + sizes[one] <= next_start or next_start + sizes[other] <= start
            leading = leads.get((one, other)), leads.get((other, one))
            assert (
                is_apart
                or (leading[0] is not None and start + leading[0] <= next_start)
                or (leading[1] is not None and next_start + leading[1] <= start)
            )
    assert plan.bound_bytes <= plan.size_bytes


def test_a_chain_of_leads_takes_little_more_than_its_largest_buffer() -> None:
    lifetimes = {str(i): Lifetime(i - 1, i) for i in range(6)}
    sizes = dict.fromkeys(lifetimes, 1000)
    leads = {(str(i + 1), str(i)): 20 for i in range(5)}

    plan = plan_arena(lifetimes, sizes, 4, leads)

    assert plan.size_bytes == 1000 + 5 * 20
    assert plan.bound_bytes == 1020


def test_the_same_arguments_give_the_same_plan() -> None:
    lifetimes = {"b": Lifetime(0, 1), "a": Lifetime(0, 1)}
    swapped = {"a": Lifetime(0, 1), "b": Lifetime(0, 1)}
    sizes = {"a": 5, "b": 5}

    assert plan_arena(lifetimes, sizes) == plan_arena(swapped, sizes)


def test_nothing_needs_nothing() -> None:
    assert plan_arena({}, {}).size_bytes == 0
