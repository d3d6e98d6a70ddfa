"""Which messages predictions make."""

from dataclasses import replace
from itertools import accumulate, count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.config.structs import PublishConfig
from edge_runtime.host.clock import ClockState
from edge_runtime.host.time_source import TimeSource
from edge_runtime.link import Outgoing
from edge_runtime.payloads import (
    ULID,
    AnomalyResult,
    AreaResult,
    ClassResult,
    EventPayload,
    ModelPart,
    ObjectResult,
    PoseResult,
    PredictionPayload,
    StatePayload,
    ValueResult,
)
from edge_runtime.records import (
    Anomaly,
    Area,
    Classification,
    ClassScore,
    Decoded,
    Delivery,
    Detected,
    Detection,
    FrameRef,
    Keypoints,
    Point,
    Prediction,
    Regression,
    Segmentation,
    StageOutcome,
    StageTimes,
)
from edge_runtime.worker.publisher import Edges, Origin, Publisher, StageOrigin

MODEL = ModelPart(name="m", version=3, digest="sha256:ab", backend="ort-cpu")
ALL = PublishConfig(predictions="all", max_rate_hz=0)


def publisher(config: PublishConfig = ALL, **first: int) -> Publisher:
    bits = count()
    edges = Edges(
        time=TimeSource(monotonic_s=lambda: 1000.0, wall_s=lambda: 1_700_000_000.0),
        clock_state=lambda: ClockState.SYNCED,
        random_bits=lambda: next(bits),
    )
    sequences = {f"p/door/{topic}": number for topic, number in first.items()}
    return Publisher(config, Origin("door", "b00t", MODEL, "kg"), sequences, edges)


def prediction(decoded: Decoded, number: int = 0, at_s: float | None = None) -> Prediction:
    monotonic_s = 900.0 + number if at_s is None else at_s
    ref = FrameRef("cam0", number, 1_700_000_000.123 + number, monotonic_s)
    return Prediction(ref, (640, 480), decoded, StageTimes(1.23456, 2.0, 0.5), "a.png")


def klass(label: str, score: float = 0.9) -> Classification:
    return Classification((ClassScore(label, 4, score), ClassScore("other", 5, 1 - score)))


def anomaly(*, flag: bool, score: float = 0.7) -> Anomaly:
    return Anomaly(score, 0.5, flag)


def topics(messages: list[Outgoing]) -> list[str]:
    return [outgoing.message.topic.rpartition("/")[2] for outgoing in messages]


def changes(messages: list[Outgoing]) -> list[tuple[str, str | None]]:
    payloads = [msgspec.json.decode(o.message.payload) for o in messages]
    return [(p["change"], p.get("what")) for p in payloads if "change" in p]


def test_a_prediction_reads_as_the_contract_says() -> None:
    out = publisher(pred=41).publish(prediction(klass("person"), 7), 0.5)[-1]

    payload = msgspec.json.decode(out.message.payload)
    assert ULID.fullmatch(payload.pop("id"))
    assert payload == {
        "schema": "edge.pred/1",
        "boot": "b00t",
        "seq": 41,
        "ts": "2023-11-14T22:13:27.123Z",
        "clock": "synced",
        "age_ms": 93_000.0,
        "source": "cam0",
        "frame": 7,
        "label": "a.png",
        "size": [640, 480],
        "model": {"name": "m", "version": 3, "digest": "sha256:ab", "backend": "ort-cpu"},
        "ms": {"pre": 1.235, "infer": 2.0, "post": 0.5},
        "kind": "classification",
        "results": [
            {"label": "person", "class": 4, "score": 0.9},
            {"label": "other", "class": 5, "score": 0.1},
        ],
    }
    assert out.sequence == 41
    assert (out.message.topic, out.message.delivery) == ("p/door/pred", Delivery.LIVE)
    assert (out.message.expiry_s, out.message.retain) == (5, False)


def test_promises_of_each_topic() -> None:
    messages = publisher().publish(prediction(klass("person")), 0.5)

    promised = {o.message.topic: (o.message.delivery, o.message.retain) for o in messages}
    assert promised == {
        "p/door/event": (Delivery.ALL, False),
        "p/door/state": (Delivery.LATEST, True),
        "p/door/pred": (Delivery.LIVE, False),
    }


def test_sequences_count_per_topic_without_a_gap() -> None:
    one = publisher(PublishConfig(predictions="all", keep="all", max_rate_hz=0), event=5)
    messages = [m for n in range(4) for m in one.publish(prediction(klass("ab"[n % 2]), n), 0.5)]

    for topic, first in (("event", 5), ("state", 0), ("pred", 0)):
        numbers = [o.sequence for o in messages if o.message.topic.endswith(topic)]
        assert numbers == list(range(first, first + len(numbers)))
        assert numbers
    assert all(msgspec.json.decode(o.message.payload)["seq"] == o.sequence for o in messages)


def test_a_class_that_gives_way_ends_before_the_next_begins() -> None:
    one = publisher()
    one.publish(prediction(klass("a"), 0), 0.5)
    one.publish(prediction(klass("a"), 1), 0.5)

    messages = one.publish(prediction(klass("b"), 2), 0.5)

    assert changes(messages) == [("end", "a"), ("start", "b")]
    end = msgspec.json.decode(messages[0].message.payload)
    assert (end["since"], end["duration_s"]) == ("2023-11-14T22:13:20.123Z", 2.0)


def test_a_class_below_the_threshold_is_none() -> None:
    one = publisher()

    quiet = one.publish(prediction(klass("a", 0.6), 0), 0.7)
    loud = one.publish(prediction(klass("a", 0.8), 1), 0.7)
    lower = one.publish(prediction(klass("a", 0.6), 2), 0.5)

    assert msgspec.json.decode(quiet[0].message.payload)["state"] == "none"
    assert changes(loud) == [("start", "a")]
    assert changes(lower) == []


def test_an_anomaly_begins_and_ends() -> None:
    one = publisher()
    flags = [False, True, True, False]

    found = [changes(one.publish(prediction(anomaly(flag=f), n), 0.5)) for n, f in enumerate(flags)]

    assert found == [[], [("start", "anomaly")], [], [("end", "anomaly")]]


def test_a_change_has_to_settle() -> None:
    one = publisher(PublishConfig(settle=3, predictions="off"))
    labels = ["a", "b", "a", "a", "a", "b", "b", "a", "b", "b", "b"]

    found = [changes(one.publish(prediction(klass(c), n), 0.5)) for n, c in enumerate(labels)]

    assert [n for n, change in enumerate(found) if change] == [4, 10]
    assert found[10] == [("end", "a"), ("start", "b")]


def test_changes_only_are_published_as_predictions() -> None:
    one = publisher(PublishConfig(predictions="changes", events=False, max_rate_hz=0))

    found = [one.publish(prediction(klass(c), n), 0.5) for n, c in enumerate("aabba")]

    assert [len(messages) for messages in found] == [1, 0, 1, 0, 1]


def test_a_rate_limits_predictions_but_never_events() -> None:
    one = publisher(PublishConfig(predictions="all", max_rate_hz=2))
    times = [0.0, 0.1, 0.3, 0.5, 0.6, 1.0]

    found = [
        topics(one.publish(prediction(klass("ab"[n % 2]), n, at_s=t), 0.5))
        for n, t in enumerate(times)
    ]

    assert ["pred" in names for names in found] == [True, False, False, True, False, True]
    assert all("event" in names for names in found)


def test_a_source_that_jitters_about_the_allowed_rate_is_not_halved() -> None:
    one = publisher(PublishConfig(predictions="all", events=False, max_rate_hz=10))
    jitter = [0.002, -0.002, 0.0, 0.003, -0.004] * 20

    found = [
        one.publish(prediction(klass("a"), n, at_s=50.0 + n * 0.1 + late), 0.5)
        for n, late in enumerate(jitter)
    ]

    assert all(len(messages) == 1 for messages in found)


def test_the_rate_holds_in_the_long_run() -> None:
    one = publisher(PublishConfig(predictions="all", events=False, max_rate_hz=10))

    found = [one.publish(prediction(klass("a"), n, at_s=n * 0.013), 0.5) for n in range(1000)]

    assert 120 <= sum(len(messages) for messages in found) <= 131


def test_keeping_all_makes_every_measurement_an_event() -> None:
    one = publisher(PublishConfig(predictions="off", keep="all"))

    found = [one.publish(prediction(Regression((("t", 1.5),)), n), 0.5) for n in range(3)]

    assert [changes(messages) for messages in found] == [[("sample", None)]] * 3
    payload = msgspec.json.decode(found[0][0].message.payload)
    assert payload["results"] == [{"name": "t", "value": 1.5, "unit": "kg"}]


def test_a_measured_state_is_refreshed_once_a_second() -> None:
    one = publisher(PublishConfig(predictions="off"))
    times = [0.0, 0.5, 1.0, 1.2, 2.5]

    found = [
        topics(one.publish(prediction(Regression((("t", t),)), n, at_s=t), 0.5))
        for n, t in enumerate(times)
    ]

    assert found == [["state"], [], ["state"], [], ["state"]]


def test_nothing_is_published_where_everything_is_off() -> None:
    one = publisher(PublishConfig(predictions="off", events=False))

    assert one.publish(prediction(klass("a")), 0.5) == []


def thing(label: str, track: int | None = None, zones: tuple[str, ...] = ()) -> Detected:
    return Detected(label, 3, 0.75, (0.1, 0.2, 0.3, 0.4), (), zones, track)


def followed(config: PublishConfig, max_misses: int) -> Publisher:
    origin = Origin("door", "b00t", MODEL, max_misses=max_misses)
    edges = Edges(time=TimeSource(monotonic_s=lambda: 1000.0, wall_s=lambda: 1.7e9))
    return Publisher(config, origin, {}, edges)


def test_objects_read_as_the_contract_says() -> None:
    out = publisher().publish(prediction(Detection((thing("dog", 7, ("drive",)),))), 0.5)[-1]

    payload = msgspec.json.decode(out.message.payload)
    assert (payload["kind"], payload["results"]) == (
        "detection",
        [
            {
                "label": "dog", "class": 3, "score": 0.75, "box": [0.1, 0.2, 0.3, 0.4],
                "zones": ["drive"], "track": 7,
            }
        ],
    )  # fmt: skip


def test_a_followed_object_has_events_of_its_own_and_the_tracker_debounces() -> None:
    one = followed(PublishConfig(predictions="off", settle=50), max_misses=1)
    frames = [
        [thing("dog")], [thing("dog", 1)], [thing("dog", 1), thing("dog", 2)],
        [thing("dog", 2, ("drive",))], [thing("dog", 2, ("drive",))], [],
    ]  # fmt: skip

    found = []
    for n, objects in enumerate(frames):
        messages = one.publish(prediction(Detection(tuple(objects)), n), 0.5)
        payloads = [msgspec.json.decode(o.message.payload) for o in messages]
        found.append([(p["change"], p["track"], p.get("zones")) for p in payloads if "track" in p])

    assert found == [
        [], [("start", 1, None)], [("start", 2, None)], [("update", 2, ["drive"])],
        [("end", 1, None)], [],
    ]  # fmt: skip


def test_the_number_of_objects_is_told_at_most_once_a_second() -> None:
    one = publisher(PublishConfig(predictions="off"))
    counts = [1, 2, 3, 3, 0]
    times = [0.0, 0.4, 0.8, 1.2, 1.3]

    found = []
    for n, (many, at_s) in enumerate(zip(counts, times, strict=True)):
        messages = one.publish(prediction(Detection((thing("dog"),) * many), n, at_s), 0.5)
        payloads = [msgspec.json.decode(o.message.payload) for o in messages]
        found.append([(p["state"], p["counts"]) for p in payloads if "state" in p])

    assert found == [[("dog", {"dog": 1})], [], [], [("dog", {"dog": 3})], [("none", {})]]


def test_areas_are_present_from_the_threshold_on() -> None:
    one = publisher(PublishConfig(predictions="off"))
    shares = [{"road": 0.5, "car": 0.01}, {"road": 0.5, "car": 0.2}, {"car": 0.2}]

    found = []
    for n, frame in enumerate(shares):
        areas = tuple(Area(label, 1, share, (0, 0, 1, 1)) for label, share in frame.items())
        messages = one.publish(prediction(Segmentation(areas), n), 0.1)
        found.append(
            (changes(messages), msgspec.json.decode(messages[-1].message.payload)["state"])
        )

    assert found == [
        ([("start", "road")], "road"),
        ([("start", "car")], "car, road"),
        ([("end", "road")], "car"),
    ]  # fmt: skip


def test_what_a_stage_says_makes_a_prediction_another_one() -> None:
    config = PublishConfig(predictions="changes", events=False, max_rate_hz=0)
    origin = Origin("door", "b00t", MODEL, stages={"kind": StageOrigin(MODEL, "kg")})
    one = Publisher(config, origin, {}, Edges())
    times = StageTimes(1.0, 2.0, 3.0)

    found = []
    for n, label in enumerate("aabb"):
        stage = StageOutcome("kind", ((0, klass(label)), (1, Regression((("w", 1.0),)))), times)
        first = prediction(Detection((thing("dog"), thing("dog"))), n)
        found.append(one.publish(replace(first, stages=(stage,)), 0.5))

    assert [len(messages) for messages in found] == [1, 0, 1, 0]
    (stage_part,) = msgspec.json.decode(found[0][0].message.payload)["stages"]
    assert stage_part["name"] == "kind"
    assert stage_part["ms"] == {"pre": 1.0, "infer": 2.0, "post": 3.0}
    assert [(p["of"], p["kind"]) for p in stage_part["parts"]] == [
        (0, "classification"), (1, "regression"),
    ]  # fmt: skip
    assert stage_part["parts"][1]["results"] == [{"name": "w", "value": 1.0, "unit": "kg"}]


POSE = Keypoints((replace(thing("person"), points=(Point("nose", 0.123456, 0.2, 0.9),)),))
AREAS = Segmentation((Area("road", 1, 0.5, (0.0, 0.0, 1.0, 1.0), (((0.1, 0.2), (0.3, 0.4)),)),))


@pytest.mark.parametrize(
    ("decoded", "result"),
    [
        (Detection((thing("dog", 4, ("drive",)), thing("cat"))), ObjectResult),
        (POSE, PoseResult),
        (AREAS, AreaResult),
        (klass("person"), ClassResult),
        (Regression((("t", -1.25e-7),)), ValueResult),
        (anomaly(flag=True), AnomalyResult),
    ],
)
def test_every_payload_parses_back_to_what_was_encoded(decoded: Decoded, result: Any) -> None:
    one = publisher(PublishConfig(predictions="all", keep="all", max_rate_hz=0))
    kinds = {"event": EventPayload, "state": StatePayload, "pred": PredictionPayload}

    for outgoing in one.publish(prediction(decoded), 0.5):
        kind = kinds[outgoing.message.topic.rpartition("/")[2]][result]
        parsed = msgspec.json.decode(outgoing.message.payload, type=kind, strict=True)
        assert msgspec.json.encode(parsed) == outgoing.message.payload


def test_the_same_frames_give_the_same_messages() -> None:
    frames = [prediction(klass("ab"[n // 2 % 2]), n) for n in range(6)]

    first, second = publisher(), publisher()

    assert [first.publish(f, 0.5) for f in frames] == [second.publish(f, 0.5) for f in frames]


@given(
    spacing=st.floats(0.1, 1.0),
    jitter=st.lists(st.floats(-0.3, 0.3), min_size=200, max_size=200),
    rate_hz=st.sampled_from([1.0, 7.0, 10.0, 30.0]),
)
def test_a_source_at_least_as_fast_as_the_limit_gets_the_limit(
    spacing: float, jitter: list[float], rate_hz: float
) -> None:
    """Spacing and jitter are parts of an interval, and of the spacing."""
    one = publisher(PublishConfig(predictions="all", events=False, max_rate_hz=rate_hz))
    times = [100.0 + (n + j) * spacing / rate_hz for n, j in enumerate(jitter)]

    taken = [at for n, at in enumerate(times) if is_published(one, n, at)]

    wanted = (times[-1] - times[0]) * rate_hz
    assert wanted - 3 <= len(taken) <= wanted + 2.2


@given(gaps=st.lists(st.floats(0.001, 5.0), min_size=2, max_size=100))
def test_no_stretch_of_time_gets_a_burst(gaps: list[float]) -> None:
    one = publisher(PublishConfig(predictions="all", events=False, max_rate_hz=1.0))
    times = [100.0 + at for at in accumulate(gaps)]

    taken = [at for n, at in enumerate(times) if is_published(one, n, at)]

    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= taken[last] - start + 2.2


def is_published(one: Publisher, number: int, at_s: float) -> bool:
    messages = one.publish(prediction(klass("a"), number, at_s), 0.5)
    return any(each.message.topic.endswith("pred") for each in messages)
