"""What models said, as payloads carry it."""

from typing import Any, assert_never

from edge_runtime.payloads import (
    AnomalyResult,
    AnomalySaid,
    AreaResult,
    AreasSaid,
    BoxShares,
    ClassesSaid,
    ClassResult,
    Kind,
    ObjectResult,
    ObjectsSaid,
    PointResult,
    PoseResult,
    PosesSaid,
    Results,
    Said,
    ValueResult,
    ValuesSaid,
)
from edge_runtime.records import (
    Anomaly,
    Area,
    Box,
    Classification,
    Decoded,
    Detected,
    Detection,
    Keypoints,
    Regression,
    Segmentation,
)

PLACE_DIGITS = 5  # of a share: a tenth of a pixel of the largest image
_SAID: dict[Kind, Any] = {
    "classification": ClassesSaid,
    "regression": ValuesSaid,
    "anomaly": AnomalySaid,
    "detection": ObjectsSaid,
    "keypoints": PosesSaid,
    "segmentation": AreasSaid,
}


def results_of(decoded: Decoded, unit: str) -> tuple[Kind, Results]:
    """Return a prediction's kind and its results as payloads carry them."""
    match decoded:
        case Classification(classes):
            return "classification", tuple(
                ClassResult(label=c.label, index=c.index, score=round(c.score, 6)) for c in classes
            )
        case Regression(values):
            return "regression", tuple(
                ValueResult(name=name, value=value, unit=unit) for name, value in values
            )
        case Anomaly(score, threshold, is_anomalous):
            return "anomaly", (AnomalyResult(score=score, threshold=threshold, flag=is_anomalous),)
        case Detection(objects):
            return "detection", tuple(ObjectResult(**_object(thing)) for thing in objects)
        case Keypoints(objects):
            return "keypoints", tuple(
                PoseResult(**_object(thing), points=_points(thing)) for thing in objects
            )
        case Segmentation(areas):
            return "segmentation", tuple(_area(area) for area in areas)
        case _:
            assert_never(decoded)


def said_of(of: int | None, decoded: Decoded, unit: str) -> Said:
    """Return what a further model said of an object, or of the frame, as payloads carry it."""
    kind, results = results_of(decoded, unit)
    said: Said = _SAID[kind](of=of, results=results)
    return said


def _object(thing: Detected) -> dict[str, Any]:
    return {
        "label": thing.label,
        "index": thing.index,
        "score": round(thing.score, 6),
        "box": _rounded(thing.box),
        "zones": thing.zones,
        "track": thing.track,
    }


def _points(thing: Detected) -> tuple[PointResult, ...]:
    return tuple(
        PointResult(name=p.name, x=_place(p.x), y=_place(p.y), score=round(p.score, 4))
        for p in thing.points
    )


def _area(area: Area) -> AreaResult:
    return AreaResult(
        label=area.label,
        index=area.index,
        share=round(area.share, 6),
        box=_rounded(area.box),
        contours=tuple(tuple((_place(x), _place(y)) for x, y in c) for c in area.contours),
    )


def _rounded(box: Box) -> BoxShares:
    left, top, right, bottom = box
    return _place(left), _place(top), _place(right), _place(bottom)


def _place(share: float) -> float:
    return round(share, PLACE_DIGITS)
