"""Gates: cheap tests that a frame has to pass before the model is asked."""

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.conditions import conditions_of
from edge_runtime.config.vision import MotionGateConfig
from edge_runtime.errors import FrameError
from edge_runtime.pipeline import Model, run_model
from edge_runtime.preprocess import opencv
from edge_runtime.records import Box, Frame
from edge_runtime.regions import cut

WIDTH_PX = 160  # in which motion is looked for
BLUR_PX = 5
NEW_SCENE_SHARE = 0.6  # light switched on, camera turned: the background is taken anew


@dataclass(frozen=True, slots=True)
class GateState:
    """All that a gate remembers, in plain numbers.

    Attributes:
        caused_s: When its cause was seen last; None: never.
        passed_s: When a frame passed last; None: never.
        seen_s: When the background was renewed last.
        background: Of a motion gate, (h, w) grey levels; None: none yet.
    """

    caused_s: float | None
    passed_s: float | None
    seen_s: float = 0.0
    background: list[list[float]] | None = None


class Gate(Protocol):
    """Keeps state from frame to frame; used by the inference loop alone."""

    def state(self) -> GateState:
        """Return what it remembers, as a copy."""

    def restore(self, state: GateState) -> None:
        """Remember what another one did."""

    def admits(self, frame: Frame) -> bool:
        """Return whether a frame passes.

        Raises:
            FrameError: The frame cannot be used.
            EngineError: An engine failed.
        """


class Hold:
    """Keeps a gate open for `hold_s` after its cause, and opens it at least every `refresh_s`."""

    def __init__(self, hold_s: float, refresh_s: float) -> None:
        self._hold_s = hold_s
        self._refresh_s = refresh_s
        self._caused_s = -math.inf
        self._passed_s = -math.inf

    def state(self) -> GateState:
        """Return what it remembers."""
        return GateState(_or_none(self._caused_s), _or_none(self._passed_s))

    def restore(self, state: GateState) -> None:
        """Remember what another one did."""
        self._caused_s = -math.inf if state.caused_s is None else state.caused_s
        self._passed_s = -math.inf if state.passed_s is None else state.passed_s

    def is_open(self, has_cause: bool, now_s: float) -> bool:  # noqa: FBT001 (the cause itself)
        """Return whether the frame of this moment passes; the first one does."""
        if has_cause:
            self._caused_s = now_s
        is_held = now_s - self._caused_s <= self._hold_s
        is_due = self._refresh_s > 0 and now_s - self._passed_s >= self._refresh_s
        if is_held or is_due:
            self._passed_s = now_s
        return is_held or is_due


class MotionGate:
    """Compares a small grey image with a background that slowly follows it."""

    def __init__(self, config: MotionGateConfig, roi: Box) -> None:
        self._config = config
        self._roi = roi
        self._hold = Hold(config.hold_s, config.refresh_s)
        self._background: npt.NDArray[np.float32] | None = None
        self._seen_s = 0.0

    def state(self) -> GateState:
        """Return what it remembers, as a copy."""
        background = None if self._background is None else self._background.tolist()
        return replace(self._hold.state(), seen_s=self._seen_s, background=background)

    def restore(self, state: GateState) -> None:
        """Remember what another one did."""
        self._hold.restore(state)
        self._seen_s = state.seen_s
        background = state.background
        self._background = None if background is None else np.array(background, np.float32)

    def admits(self, frame: Frame) -> bool:
        """Return whether enough of the image has changed."""
        now_s = frame.ref.captured_monotonic_s
        return self._hold.is_open(self._moves(small_grey(frame.values, self._roi), now_s), now_s)

    def _moves(self, grey: npt.NDArray[np.float32], now_s: float) -> bool:
        passed_s, self._seen_s = now_s - self._seen_s, now_s
        if self._background is None or self._background.shape != grey.shape:
            self._background = grey
            return True
        share = float(np.mean(np.abs(grey - self._background) > self._config.contrast))
        weight = 1.0 - math.exp(-max(0.0, passed_s) / self._config.forget_s)
        if share > NEW_SCENE_SHARE:
            weight = 1.0
        self._background = self._background + np.float32(weight) * (grey - self._background)
        return share >= self._config.min_share


@dataclass(frozen=True, slots=True)
class ModelGate:
    """Asks a cheap model.

    Attributes:
        labels: What it has to say; empty: anything.
    """

    model: Model
    threshold: float
    labels: tuple[str, ...]
    roi: Box
    hold: Hold

    def state(self) -> GateState:
        """Return what it remembers."""
        return self.hold.state()

    def restore(self, state: GateState) -> None:
        """Remember what another one did."""
        self.hold.restore(state)

    def admits(self, frame: Frame) -> bool:
        """Return whether the model says what it has to."""
        decoded = run_model(frame.values, self.model, self.threshold, self.roi).decoded
        said = {condition.what for condition in conditions_of(decoded, self.threshold)}
        has_cause = bool(said & {*self.labels}) if self.labels else bool(said)
        return self.hold.is_open(has_cause, frame.ref.captured_monotonic_s)


def small_grey(image: npt.NDArray[Any], roi: Box) -> npt.NDArray[np.float32]:
    """Return a region of an image, small, grey and blurred, (h, w) in 0..255.

    Raises:
        FrameError: Not an image.
    """
    if image.dtype != np.uint8 or image.ndim not in {2, 3}:
        raise FrameError(f"motion gate: {image.shape} {image.dtype}, allowed are images, uint8")
    cv2 = opencv()
    part, _ = cut(image, roi)
    height, width = part.shape[:2]
    size = (min(width, WIDTH_PX), max(1, height * min(width, WIDTH_PX) // width))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 3:
        small = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    blurred: npt.NDArray[np.float32] = cv2.blur(small, (BLUR_PX, BLUR_PX)).astype(np.float32)
    return blurred


def _or_none(moment_s: float) -> float | None:
    return moment_s if math.isfinite(moment_s) else None
