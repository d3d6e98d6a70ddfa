"""What is wrong begins once and ends once; what passes in a moment is not told."""

from collections import Counter

from edge_runtime.mqtt.causes import Cause, Trouble
from edge_runtime.mqtt.session import SessionState, SessionStatus
from edge_runtime.supervisor.alarms import Alarms, Condition, Subject, sparkplug_conditions

LOST = Subject("source_lost", "door")
DISK = Subject("storage")


def test_it_begins_once_and_ends_once() -> None:
    alarms = Alarms()
    found = {DISK: Condition("disk_full")}

    changes = [alarms.update(t, found if t < 3 else {}) for t in range(6)]

    told = [(t, change.is_over) for t, all_ in enumerate(changes) for change in all_]
    assert told == [(0, False), (3, True)]
    assert alarms.reasons() == ()


def test_what_passes_within_its_grace_is_not_told() -> None:
    alarms = Alarms()
    found = {LOST: Condition("offline: starting", grace_s=3.0)}

    assert [alarms.update(t, found) for t in (0.0, 1.0, 2.9)] == [[], [], []]
    assert alarms.reasons() == ()
    assert alarms.update(3.0, {}) == []


def test_what_lasts_longer_than_its_grace_is_told() -> None:
    alarms = Alarms()
    found = {LOST: Condition("offline: unplugged", grace_s=3.0)}
    alarms.update(0.0, found)

    (change,) = alarms.update(3.0, found)

    assert change.subject == LOST
    assert alarms.reasons() == ("door: source_lost: offline: unplugged",)


def test_the_text_follows_while_it_lasts() -> None:
    alarms = Alarms()
    alarms.update(0.0, {DISK: Condition("disk_full")})

    assert alarms.update(1.0, {DISK: Condition("read_only")}) == []
    assert alarms.reasons() == ("storage: read_only",)


def status(state: SessionState, cause: Cause | None = None) -> SessionStatus:
    trouble = None if cause is None else Trouble(cause, "as the broker said")
    return SessionStatus(state, trouble, "5", 1, 0, 0, Counter(), None, None)


def test_sparkplug_is_lost_where_it_alone_is() -> None:
    online, away = status(SessionState.ONLINE), status(SessionState.WAITING, Cause.REFUSED)

    found = sparkplug_conditions(online, away)

    assert found == {
        Subject("sparkplug_lost"): Condition("refused: as the broker said", grace_s=10.0)
    }
    assert sparkplug_conditions(away, away) == {}  # told by the native session already
    assert sparkplug_conditions(online, online) == {}
