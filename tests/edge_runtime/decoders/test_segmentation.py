"""What classes cover, on masks that were painted."""

import numpy as np
import pytest

from edge_runtime.decoders.decode import decode
from edge_runtime.decoders.segmentation import class_mask, decode_areas
from edge_runtime.decoders.specs import SegmentationDecoder
from edge_runtime.errors import FrameError
from edge_runtime.manifest import ImageInput
from edge_runtime.placement import place
from edge_runtime.records import Segmentation
from tests.edge_runtime.manifests import manifest_of

LABELS = ("nothing", "road", "car")


def painted(mask: np.ndarray, classes: int = 3) -> np.ndarray:
    """Scores (1, H, W, classes) whose best class is the mask's."""
    scores = np.eye(classes, dtype=np.float32)[mask]
    return scores[np.newaxis]


def two_patches() -> np.ndarray:
    mask = np.zeros((16, 32), int)
    mask[8:16, 0:16] = 1
    mask[2:6, 20:30] = 2
    return mask


def test_areas_are_shares_and_boxes_of_the_image_the_largest_first() -> None:
    manifest = manifest_of(
        SegmentationDecoder(output="y"), {"y": (1, 16, 32, 3)}, ImageInput(width=64, height=32),
        LABELS,
    )  # fmt: skip

    decoded = decode({"y": painted(two_patches())}, np.zeros(1, np.float32), manifest, 0.5)

    assert isinstance(decoded, Segmentation)
    assert [(a.label, a.index, a.share, a.box, a.contours) for a in decoded.areas] == [
        ("road", 1, 128 / 512, (0.0, 0.5, 0.5, 1.0), ()),
        ("car", 2, 40 / 512, (20 / 32, 2 / 16, 30 / 32, 6 / 16), ()),
    ]


def test_what_was_padded_does_not_count() -> None:
    """A wide image in a square input: only the middle half of the mask shows it."""
    image = ImageInput(width=32, height=32, resize="letterbox")
    mask = np.full((32, 32), 2)
    mask[8:24, :16] = 1

    decoded = decode_areas(
        painted(mask), SegmentationDecoder(output="y"), place(image, (640, 320)), (32, 32), LABELS
    )

    assert [(a.label, a.share, a.box) for a in decoded.areas] == [
        ("road", 0.5, (0.0, 0.0, 0.5, 1.0)),
        ("car", 0.5, (0.5, 0.0, 1.0, 1.0)),
    ]


def test_outlines_go_around_each_patch() -> None:
    decoder = SegmentationDecoder(output="y", contours=True)
    image = ImageInput(width=64, height=32)

    decoded = decode_areas(
        painted(two_patches()), decoder, place(image, (64, 32)), (64, 32), LABELS
    )

    (car,) = (area for area in decoded.areas if area.label == "car")
    (outline,) = car.contours
    xs, ys = {round(x * 32, 3) for x, _ in outline}, {round(y * 16, 3) for _, y in outline}
    assert (xs, ys) == ({20.5, 29.5}, {2.5, 5.5})  # through the middles of the outermost places


@pytest.mark.parametrize(("activation", "middle"), [("logistic", 0.0), ("none", 0.5)])
def test_one_channel_is_a_score(activation: str, middle: float) -> None:
    scores = np.array([middle - 0.1, middle + 0.1], np.float32).reshape(1, 1, 2, 1)
    decoder = SegmentationDecoder(output="y", activation=activation)  # type: ignore[arg-type]

    assert class_mask(scores, decoder).tolist() == [[0, 1]]


def test_every_class_is_told_where_there_is_no_background() -> None:
    decoder = SegmentationDecoder(output="y", background=None)

    decoded = decode_areas(
        painted(two_patches()), decoder, place(ImageInput(width=4, height=4), (4, 4)), (4, 4), ()
    )

    assert [area.label for area in decoded.areas] == ["0", "1", "2"]


def test_nan_is_refused() -> None:
    scores = painted(two_patches())
    scores[0, 0, 0, 0] = np.nan

    with pytest.raises(FrameError, match="NaN in a map"):
        class_mask(scores, SegmentationDecoder(output="y"))
