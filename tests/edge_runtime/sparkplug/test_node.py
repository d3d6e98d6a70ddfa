"""What hosts are told, in which order, and what they are not told twice."""

from edge_runtime.sparkplug.metrics import Update
from edge_runtime.sparkplug.names import Names
from edge_runtime.sparkplug.node import EdgeNode, Publication
from edge_runtime.sparkplug.payload import DataType, Metric, Payload, decode_payload

TYPES = {
    "Source": DataType.STRING, "State": DataType.STRING, "Count/cat": DataType.INT64,
    "Share/cat": DataType.DOUBLE,
}  # fmt: skip


def make(*, with_aliases: bool = False) -> EdgeNode:
    names = Names("plant", "pi")
    node = EdgeNode(names, {"door": TYPES}, {"Load": DataType.DOUBLE}, with_aliases=with_aliases)
    node.note(Update("door", {"Source": "online"}, 10), 10)
    return node


def told(publications: list[Publication]) -> list[tuple[str, Payload]]:
    return [
        (p.topic.removeprefix("spBv1.0/plant/"), decode_payload(p.payload)) for p in publications
    ]


def kinds(publications: list[Publication]) -> list[str]:
    return [topic for topic, _ in told(publications)]


def metrics(publications: list[Publication]) -> list[tuple[str | int | None, object]]:
    (_, payload) = told(publications)[-1]
    return [(metric.name or metric.alias, metric.value) for metric in payload.metrics]


def test_before_a_birth_nothing_is_told() -> None:
    assert make().note(Update("door", {"State": "cat"}, 20), 20) == []


def test_a_birth_tells_every_metric_the_unknown_ones_as_null() -> None:
    (node, door) = told(make().birth(4, 100))

    assert [node[0], door[0]] == ["NBIRTH/pi", "DBIRTH/pi/door"]
    assert (node[1].seq, door[1].seq) == (0, 1)
    assert node[1].metrics[0] == Metric("bdSeq", 4, 100, DataType.INT64)
    assert {m.name: m.value for m in door[1].metrics} == {
        "Source": "online", "State": None, "Count/cat": None, "Share/cat": None,
    }  # fmt: skip


def test_only_what_differs_is_told() -> None:
    node = make()
    node.birth(0, 100)

    first = node.note(Update("door", {"Source": "online", "State": "cat"}, 200), 200)

    assert metrics(first) == [("State", "cat")]
    assert node.note(Update("door", {"State": "cat"}, 300), 300) == []
    assert node.note(Update("door", {"State": "dog"}, 250), 300) == []  # captured before


def test_what_is_not_counted_is_none_of_it() -> None:
    node = make()
    node.birth(0, 100)
    node.note(Update("door", {"Count/cat": 2}, 200, whole="Count/"), 200)

    gone = node.note(Update("door", {}, 300, whole="Count/"), 300)
    share = node.note(Update("door", {}, 300, whole="Share/"), 300)

    assert metrics(gone) == [("Count/cat", 0)]
    assert metrics(share) == [("Share/cat", 0.0)]


def test_what_no_birth_has_told_of_is_not_told() -> None:
    node = make()
    node.birth(0, 100)

    assert node.note(Update("door", {"Count/elephant": 1}, 200), 200) == []
    assert node.note(Update("attic", {"State": "cat"}, 200), 200) == []
    assert node.relate(Update("attic", {"State": "cat"}, 200), 200) == []


def test_a_happening_is_told_though_nothing_differs_and_an_old_one_as_history() -> None:
    node = make()
    node.birth(0, 100)
    node.relate(Update("door", {"State": "cat"}, 200), 200)

    again = node.relate(Update("door", {"State": "cat"}, 201), 201)
    old = node.relate(Update("door", {"State": "dog"}, 99), 300)

    assert metrics(again) == [("State", "cat")]
    assert [m.is_historical for m in told(old)[0][1].metrics] == [True]
    reborn = {metric.name: metric.value for metric in told(node.birth(0, 400))[1][1].metrics}
    assert reborn["State"] == "cat"


def test_a_source_that_goes_is_a_death_and_one_that_stalls_is_not() -> None:
    node = make()
    node.birth(0, 100)
    node.note(Update("door", {"Source": "stalled"}, 200), 200)
    stalled = node.lives(200)
    node.note(Update("door", {"Source": "offline"}, 300), 300)

    gone = node.lives(300)
    late = node.relate(Update("door", {"State": "cat"}, 299), 310)
    over = node.lives(320)
    node.note(Update("door", {"Source": "online"}, 400), 400)

    assert stalled == []
    assert kinds(gone) == ["DDEATH/pi/door"]
    assert kinds(late) == ["DBIRTH/pi/door", "DDATA/pi/door"]
    assert kinds(over) == ["DDEATH/pi/door"]
    assert kinds(node.lives(400)) == ["DBIRTH/pi/door"]


def test_an_event_that_is_here_before_the_word_of_its_source_s_return_births_once() -> None:
    node = make()
    node.birth(0, 100)
    node.note(Update("door", {"Source": "offline"}, 200), 200)
    node.lives(200)

    early = node.relate(Update("door", {"State": "cat"}, 250), 260)
    between = node.lives(260)
    node.note(Update("door", {"Source": "online"}, 270), 270)

    assert kinds(early) == ["DBIRTH/pi/door", "DDATA/pi/door"]
    assert between == node.lives(270) == []


def test_aliases_are_told_at_birth_and_used_from_then_on() -> None:
    node = make(with_aliases=True)
    (birth, door) = told(node.birth(0, 100))

    data = node.note(Update("door", {"State": "cat"}, 200), 200)

    by_name = {m.name: m.alias for _, payload in (birth, door) for m in payload.metrics}
    assert by_name["Node Control/Rebirth"] is None
    assert len({alias for alias in by_name.values() if alias}) == 5
    assert metrics(data) == [(by_name["State"], "cat")]


def test_the_sequence_counts_to_255_and_then_from_nought() -> None:
    node = make()
    node.birth(0, 100)

    numbers = [
        told(node.note(Update(None, {"Load": float(i)}, 100 + i), 100 + i))[0][1].seq
        for i in range(300)
    ]

    assert numbers == [(i + 2) % 256 for i in range(300)]
