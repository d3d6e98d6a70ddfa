"""Mean average precision by the book: every recall level, greedy matching, best score first."""

from collections.abc import Iterable, Mapping, Sequence

from tests.edge_runtime.decoders.boxes import overlap

Box = tuple[float, float, float, float]
Found = tuple[str, float, Box]  # label, score, box
Truth = tuple[str, Box]


def mean_average_precision(
    found: Mapping[str, Sequence[Found]], truth: Mapping[str, Sequence[Truth]], iou: float = 0.5
) -> float:
    """Return the mean over the labels of the area under precision by recall.

    Args:
        found: By image.
        truth: By image.
        iou: From which on a box counts as found.

    Source: Everingham et al., The PASCAL VOC Challenge, section 4.2 (all points).
    """
    labels = sorted({label for boxes in truth.values() for label, _ in boxes})
    return sum(_average_precision(label, found, truth, iou) for label in labels) / len(labels)


def _average_precision(
    label: str,
    found: Mapping[str, Sequence[Found]],
    truth: Mapping[str, Sequence[Truth]],
    iou: float,
) -> float:
    wanted = {
        image: [box for name, box in boxes if name == label] for image, boxes in truth.items()
    }
    total = sum(map(len, wanted.values()))
    ranked = sorted(
        ((score, image, box) for image, rows in found.items() for name, score, box in rows
         if name == label),
        reverse=True,
    )  # fmt: skip
    hits, curve = 0, []
    for rank, (_, image, box) in enumerate(ranked, start=1):
        best = max(wanted.get(image, []), key=lambda other: overlap(box, other), default=None)
        if best is not None and overlap(box, best) >= iou:
            wanted[image].remove(best)
            hits += 1
        curve.append((hits / total, hits / rank))
    return _area(curve)


def _area(curve: Iterable[tuple[float, float]]) -> float:
    """Return the area under the curve after each precision is raised to the best behind it."""
    area, recall_behind, best = 0.0, None, 0.0
    for recall, precision in reversed(list(curve)):
        if recall_behind is not None:
            area += (recall_behind - recall) * best
        best, recall_behind = max(best, precision), recall
    return area + (recall_behind or 0.0) * best
