"""How narrowly something was decided."""

from typing import assert_never

from edge_runtime.records import (
    Anomaly,
    Classification,
    Decoded,
    Detection,
    Keypoints,
    Regression,
    Segmentation,
)


def margin_of(decoded: Decoded, threshold: float) -> float | None:
    """Return the least distance to another decision, in scores; None where nothing is decided.

    Of classes: between the two best. Of an anomaly and of objects: to the threshold.
    """
    match decoded:
        case Classification(classes):
            return classes[0].score - classes[1].score if len(classes) > 1 else None
        case Anomaly(score=score, threshold=limit):
            return abs(score - limit)
        case Detection(objects) | Keypoints(objects):
            return min((abs(thing.score - threshold) for thing in objects), default=None)
        case Regression() | Segmentation():
            return None
        case _:
            assert_never(decoded)
