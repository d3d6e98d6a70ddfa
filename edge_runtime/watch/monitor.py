"""All that is watched in one worker, as the inference loop feeds it and heartbeats tell it."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from edge_runtime.link import Drift, Sight, Trouble
from edge_runtime.records import Frame
from edge_runtime.watch.drift import DriftWatch
from edge_runtime.watch.view import ViewWatch


class Monitor:
    """Fed by the inference loop alone; read by any thread."""

    def __init__(self, view: ViewWatch | None = None, drift: DriftWatch | None = None) -> None:
        self._view = view
        self._drift = drift
        self._now_s = 0.0

    @property
    def sight(self) -> Sight | None:
        """What the last image showed."""
        return None if self._view is None else self._view.sight

    @property
    def drift(self) -> Drift | None:
        """How far the last window was from the calibration data."""
        return None if self._drift is None else self._drift.drift

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong now."""
        watches = (watch for watch in (self._view, self._drift) if watch is not None)
        return tuple(trouble for watch in watches for trouble in watch.troubles)

    def look(self, frame: Frame) -> None:
        """Look at a frame, whatever the gates said of it."""
        self._now_s = frame.ref.captured_monotonic_s
        if self._view is not None:
            self._view.look(frame.values, self._now_s)

    def see(self, tensor: npt.NDArray[Any], outputs: Mapping[str, npt.NDArray[Any]]) -> None:
        """See what the pipeline's own model takes and gives of the frame looked at last."""
        if self._drift is not None:
            self._drift.see(tensor, outputs, self._now_s)
