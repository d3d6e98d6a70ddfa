"""Whether an image shows that its camera is covered, out of focus or blinded by light."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.config.watch import ViewConfig
from edge_runtime.link import Sight, Trouble
from edge_runtime.preprocess import opencv
from edge_runtime.watch.hysteresis import Lasting

WIDTH_PX = 320
LEAST_PX = 16  # of either side: in less there is nothing to see
WHITE = 250
EASE = 1.5  # by which contrast and sharpness have to be better again
EASE_SATURATED = 0.9

Grey = npt.NDArray[np.uint8]


class ViewWatch:
    """Used by the inference loop; `sight` and `troubles` may be read by any thread.

    Attributes:
        sight: Of the last image that was looked at; None before.
        troubles: What is wrong by it.
    """

    def __init__(self, config: ViewConfig) -> None:
        self.sight: Sight | None = None
        self.troubles: tuple[Trouble, ...] = ()
        self._config = config
        self._due_s = -math.inf
        self._covered = Lasting(config.after_s)
        self._blurred = Lasting(config.after_s)
        self._saturated = Lasting(config.after_s)

    def look(self, values: npt.NDArray[Any], now_s: float) -> None:
        """Look at a frame, where it is an image and a look is due."""
        if now_s < self._due_s or not _is_image(values):
            return
        self._due_s = now_s + self._config.every_s
        self.sight = sight = sight_of(small_grey(values))
        config = self._config
        self._covered.update(
            is_bad=sight.contrast < config.min_contrast,
            is_good=sight.contrast >= config.min_contrast * EASE,
            now_s=now_s,
        )
        self._blurred.update(
            is_bad=sight.sharpness < config.min_sharpness,
            is_good=sight.sharpness >= config.min_sharpness * EASE,
            now_s=now_s,
        )
        self._saturated.update(
            is_bad=sight.saturated > config.max_saturated,
            is_good=sight.saturated <= config.max_saturated * EASE_SATURATED,
            now_s=now_s,
        )
        self.troubles = tuple(self._troubles(sight))

    def _troubles(self, sight: Sight) -> list[Trouble]:
        """Name one cause: what is covered is not sharp either, and so is what is all white."""
        config = self._config
        if self._saturated.holds:
            share, most = sight.saturated, config.max_saturated
            text = f"{share:.0%} of the image is white, allowed is {most:.0%}"
            return [Trouble("saturated", text)]
        if self._covered.holds:
            text = f"contrast {sight.contrast:g} grey levels, least is {config.min_contrast:g}"
            return [Trouble("covered", f"{text}: covered, or all is dark")]
        if self._blurred.holds:
            text = f"sharpness {sight.sharpness:g}, least is {config.min_sharpness:g}"
            return [Trouble("blurred", text)]
        return []


def sight_of(grey: Grey) -> Sight:
    """Return what a small grey image, (h, w) in 0..255, shows.

    Source of the sharpness: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy
    (2000), the variance of the Laplacian.
    """
    cv2 = opencv()
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)
    return Sight(
        brightness=round(float(grey.mean()), 1),
        contrast=round(float(grey.std()), 2),
        sharpness=round(float(laplacian.var()), 2),
        saturated=round(float((grey >= WHITE).mean()), 4),
    )


def small_grey(image: npt.NDArray[Any]) -> Grey:
    """Return an image at most WIDTH_PX wide and grey, (h, w)."""
    cv2 = opencv()
    height, width = image.shape[:2]
    if width > WIDTH_PX:
        size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if image.ndim == 3 and image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grey: Grey = image.reshape(image.shape[:2])
    return grey


def _is_image(values: npt.NDArray[Any]) -> bool:
    is_shaped = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in {1, 3})
    return values.dtype == np.uint8 and is_shaped and min(values.shape[:2]) >= LEAST_PX
