"""When something is believed to have begun, to last and to have ended."""

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.conditions import Condition
from edge_runtime.records import FrameRef
from edge_runtime.worker.changes import Change, ChangeDetector, Turn

A, B = Condition("a"), Condition("b")


def ref(number: int, at_s: float | None = None) -> FrameRef:
    return FrameRef("s", number, 0.0, float(number) if at_s is None else at_s)


def told(detector: ChangeDetector, frames: list[str]) -> list[str]:
    """Changes of frames like "ab" (both are there), as "0:start a"."""
    found = []
    for number, letters in enumerate(frames):
        conditions = {Condition(letter): () for letter in letters}
        changes = detector.update(conditions, ref(number))
        found += [f"{number}:{change.turn} {change.what.what}" for change in changes]
    return found


def test_it_begins_after_hits_in_a_row_and_ends_after_misses_in_a_row() -> None:
    detector = ChangeDetector(settle=2, release=3)

    found = told(detector, ["a", "", "a", "a", "", "", "a", "", "", "", "a"])

    assert found == ["3:start a", "9:end a"]


def test_several_things_begin_and_end_independently_ends_first() -> None:
    detector = ChangeDetector(settle=1, release=1)

    found = told(detector, ["a", "ab", "b", "c"])

    assert found == ["0:start a", "1:start b", "2:end a", "3:end b", "3:start c"]
    assert detector.current == (Condition("c"),)


def test_what_lasts_is_told_again_at_intervals() -> None:
    detector = ChangeDetector(settle=1, release=1, update_s=3.0)

    assert told(detector, ["a"] * 8) == ["0:start a", "3:update a", "6:update a"]


def test_a_followed_object_that_changes_its_zone_is_told_at_once() -> None:
    detector, car = ChangeDetector(1, 3), Condition("car", 4)

    zones = [(), (), ("drive",), ("drive",), None, ("yard",)]
    found = [detector.update({} if z is None else {car: z}, ref(n)) for n, z in enumerate(zones)]

    assert [[(c.turn, c.zones) for c in changes] for changes in found] == [
        [(Turn.START, ())], [], [(Turn.UPDATE, ("drive",))], [], [], [(Turn.UPDATE, ("yard",))],
    ]  # fmt: skip
    for n in range(2):
        assert detector.update({}, ref(6 + n)) == []
    assert detector.update({}, ref(8)) == [Change(car, Turn.END, ref(0), ("yard",))]


@given(st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=60), st.integers(1, 4))
def test_starts_and_ends_alternate_and_what_began_is_current(frames: list[str], n: int) -> None:
    detector = ChangeDetector(n, n, update_s=2.0)

    found = told(detector, frames)

    for letter in "ab":
        mine = [text.split(":")[1] for text in found if text.endswith(letter)]
        turns = [text for text in mine if not text.startswith("update")]
        assert turns == [f"start {letter}", f"end {letter}"] * (len(turns) // 2) + (
            [f"start {letter}"] if len(turns) % 2 else []
        )
        assert (Condition(letter) in detector.current) == bool(len(turns) % 2)
