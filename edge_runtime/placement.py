"""Where the model's input lies in the original image, so that places in it can be told outside."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.manifest import ImageInput
from edge_runtime.preprocess import image_bounds
from edge_runtime.records import Box

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Placement:
    """A linear map: share of the original image = pixel of the model's input * scale + offset.

    Attributes:
        scale: (x, y).
        offset: (x, y).
        region: The part of the original image that the model saw; nothing is told outside of it.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    region: Box

    def points(self, xy: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return places (..., 2) in pixels of the input as shares of the original image."""
        left, top, right, bottom = self.region
        shares = xy.astype(np.float64) * self.scale + self.offset
        inside: npt.NDArray[np.float64] = np.clip(shares, (left, top), (right, bottom))
        return inside

    def boxes(self, corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return boxes (N, 4), left, top, right, bottom, as `points` does."""
        return self.points(corners.reshape(-1, 2, 2)).reshape(-1, 4)


def place(spec: ImageInput, size_px: tuple[int, int], region: Box = WHOLE) -> Placement:
    """Return the placement of a region that was resized as the bundle says.

    Args:
        spec: The bundle's preprocessing.
        size_px: (width, height) of the region in pixels.
        region: Of the original image.
    """
    left, top, right, bottom = image_bounds(*size_px, spec)
    scale = ((region[2] - region[0]) / (right - left), (region[3] - region[1]) / (bottom - top))
    offset = (region[0] - left * scale[0], region[1] - top * scale[1])
    return Placement(scale, offset, region)
