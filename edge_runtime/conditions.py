"""What a prediction means: the conditions that events are made of, and whether two say the same."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from edge_runtime.records import (
    Anomaly,
    Classification,
    Decoded,
    Detection,
    Keypoints,
    Objects,
    Prediction,
    Regression,
    Segmentation,
)

ANOMALY = "anomaly"

Zones: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that can begin, last and end.

    Attributes:
        what: The class, or "anomaly".
        track: Which object of that class, where objects are followed.
    """

    what: str
    track: int | None = None


Conditions: TypeAlias = Mapping[Condition, Zones]  # with the zones that each is in


def conditions_of(decoded: Decoded, threshold: float, *, by_track: bool = False) -> Conditions:
    """Return what is the case, with the zones it is in.

    The best class at or above the threshold; "anomaly"; every class that has an object, or every
    object that is followed (`by_track`); every class that covers at least the threshold.
    """
    match decoded:
        case Classification(classes):
            is_sure = bool(classes) and classes[0].score >= threshold
            return {Condition(classes[0].label): ()} if is_sure else {}
        case Anomaly():
            return {Condition(ANOMALY): ()} if decoded.is_anomalous else {}
        case Regression():
            return {}
        case Detection() | Keypoints():
            return _present(decoded, by_track=by_track)
        case Segmentation(areas):
            return {Condition(area.label): () for area in areas if area.share >= threshold}
        case _:
            assert_never(decoded)


def count_labels(decoded: Objects, labels: tuple[str, ...]) -> dict[str, int]:
    """Return how many objects there are of each label that is believed to be there."""
    found = [thing.label for thing in decoded.objects]
    return {label: max(1, found.count(label)) for label in sorted({*labels})}


def essence(prediction: Prediction) -> Hashable:
    """Return what a prediction says, without how sure it is and where: equal if nothing changed."""
    parts = tuple(
        (stage.stage, of, _essence(decoded))
        for stage in prediction.stages
        for of, decoded in stage.parts
    )
    return _essence(prediction.decoded), parts


def _essence(decoded: Decoded) -> Hashable:
    match decoded:
        case Classification(classes):
            return classes[0].label if classes else None
        case Anomaly(is_anomalous=is_anomalous):
            return is_anomalous
        case Regression(values):
            return values
        case Detection(objects) | Keypoints(objects):
            return tuple(sorted((o.label, o.track or 0, o.zones) for o in objects))
        case Segmentation(areas):
            return tuple(sorted(area.label for area in areas))
        case _:
            assert_never(decoded)


def _present(decoded: Detection | Keypoints, *, by_track: bool) -> Conditions:
    found: dict[Condition, Zones] = {}
    for thing in decoded.objects:
        if by_track and thing.track is None:
            continue
        condition = Condition(thing.label, thing.track if by_track else None)
        found[condition] = tuple(sorted({*found.get(condition, ()), *thing.zones}))
    return found
