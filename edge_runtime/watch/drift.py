"""Counts what a model takes and gives, window by window, and compares with its calibration data."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.config.watch import DriftConfig
from edge_runtime.decoders.classification import activate
from edge_runtime.decoders.specs import ClassificationDecoder
from edge_runtime.link import Drift, Trouble
from edge_runtime.manifest import Manifest
from edge_runtime.watch.reference import Counts, Reference, References, stability_index

HOUR_S = 3600.0
MOST_VALUES = 4096  # looked at of one tensor, evenly: what a frame costs does not grow with it
ENDS_AT = 0.5  # of the threshold, below which drift is over

TOLD_ONLY = DriftConfig(input_psi=0.0, output_psi=0.0)  # where the configuration has no table


@dataclass(slots=True, eq=False)
class _Window:
    """Counts since a moment."""

    began_s: float
    taken: Counts
    given: list[Counts]
    frames: int = 0
    outside: int = 0
    confidence: float = 0.0
    entropy: float = 0.0


class DriftWatch:
    """Used by the inference loop; `drift` and `troubles` may be read by any thread.

    Attributes:
        drift: Of the last window; None before the first one is full.
        troubles: What is wrong by it.
    """

    def __init__(self, config: DriftConfig | None, manifest: Manifest, known: References) -> None:
        self.drift: Drift | None = None
        self.troubles: tuple[Trouble, ...] = ()
        self._config = config or TOLD_ONLY
        self._manifest = manifest
        self._known = known
        self._window: _Window | None = None
        self._due_s = -math.inf
        self._hour: deque[tuple[float, Counts, list[Counts]]] = deque()
        self._is_on: set[str] = set()

    def see(
        self, tensor: npt.NDArray[Any], outputs: Mapping[str, npt.NDArray[Any]], now_s: float
    ) -> None:
        """Take a frame into the window, where it is one of those that are looked at."""
        if now_s < self._due_s:
            return
        interval_s = self._config.window_s / self._config.frames
        self._due_s = max(self._due_s + interval_s, now_s)
        window = self._window or self._fresh(now_s)
        self._window = window
        self._add(window, tensor, outputs)
        is_long = now_s - window.began_s >= self._config.window_s - interval_s
        if window.frames >= self._config.frames and is_long:
            self._judge(window, now_s)
            self._window = None

    def _fresh(self, now_s: float) -> _Window:
        taken, given = self._known.taken, self._known.given
        return _Window(now_s, _none(taken), [_none(reference) for reference in given])

    def _add(
        self,
        window: _Window,
        tensor: npt.NDArray[Any],
        outputs: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        window.frames += 1
        values = thinned(tensor)
        window.taken += self._known.taken.count(values)
        window.outside += self._known.taken.outside(values)
        for index, spec in enumerate(self._manifest.outputs):
            window.given[index] += self._known.given[index].count(thinned(outputs[spec.name]))
        decoder = self._manifest.decoder
        if isinstance(decoder, ClassificationDecoder):
            confidence, entropy = certainty(outputs[decoder.output], decoder)
            window.confidence += confidence
            window.entropy += entropy

    def _judge(self, window: _Window, now_s: float) -> None:
        self._hour.append((now_s, window.taken, window.given))
        while now_s - self._hour[0][0] > HOUR_S:
            self._hour.popleft()
        is_classifier = isinstance(self._manifest.decoder, ClassificationDecoder)
        self.drift = drift = Drift(
            frames=window.frames,
            seconds=round(now_s - window.began_s, 1),
            input_psi=self._input_index([window.taken]),
            output_psi=self._output_index([window.given]),
            input_psi_1h=self._input_index([taken for _, taken, _ in self._hour]),
            output_psi_1h=self._output_index([given for _, _, given in self._hour]),
            outside=round(window.outside / max(1, int(window.taken.sum())), 4),
            confidence=round(window.confidence / window.frames, 4) if is_classifier else None,
            entropy=round(window.entropy / window.frames, 4) if is_classifier else None,
        )
        self.troubles = tuple(self._troubles(drift))

    def _input_index(self, windows: list[Counts]) -> float:
        return round(stability_index(self._known.taken.shares, _sum(windows)), 3)

    def _output_index(self, windows: list[list[Counts]]) -> float:
        """Return the greatest of all outputs."""
        indices = (
            stability_index(reference.shares, _sum([window[index] for window in windows]))
            for index, reference in enumerate(self._known.given)
        )
        return round(max(indices, default=0.0), 3)

    def _troubles(self, drift: Drift) -> list[Trouble]:
        config = self._config
        drifted = [
            text
            for text, value, limit in (
                ("input PSI", drift.input_psi, config.input_psi),
                ("output PSI", drift.output_psi, config.output_psi),
                ("input share beyond the calibrated range", drift.outside, config.outside),
            )
            if self._exceeds(text, value, limit)
        ]
        found = []
        if drifted:
            text = (
                f"{', '.join(drifted)}: input PSI {drift.input_psi:g}, output PSI "
                f"{drift.output_psi:g}, outside {drift.outside:g} over {drift.frames} frames"
            )
            found.append(Trouble("drift", text))
        unsure = self._unsure(drift)
        return found if unsure is None else [*found, unsure]

    def _unsure(self, drift: Drift) -> Trouble | None:
        """Doubt grows as confidence falls, and as entropy rises."""
        if drift.confidence is None or drift.entropy is None:
            return None
        doubt, most = 1.0 - drift.confidence, 1.0 - self._config.min_confidence
        is_unsure = self._exceeds("confidence", doubt, most if most < 1.0 else 0.0, ends_at=0.9)
        most = self._config.max_entropy
        most = most if most < 1.0 else 0.0
        is_unsure |= self._exceeds("entropy", drift.entropy, most, ends_at=0.9)
        text = f"mean confidence {drift.confidence:g}, mean entropy {drift.entropy:g}"
        return Trouble("unsure", text) if is_unsure else None

    def _exceeds(self, what: str, value: float, limit: float, *, ends_at: float = ENDS_AT) -> bool:
        """Return whether a value is too great, with hysteresis; a limit of 0 is none."""
        bound = limit * ends_at if what in self._is_on else limit
        if limit > 0 and value >= bound:
            self._is_on.add(what)
        else:
            self._is_on.discard(what)
        return what in self._is_on


def certainty(scores: npt.NDArray[Any], decoder: ClassificationDecoder) -> tuple[float, float]:
    """Return the best class's score, and the entropy of all scores as a share of the greatest."""
    probabilities = np.maximum(activate(scores.ravel(), decoder), 0.0)
    total = probabilities.sum()
    if total <= 0.0 or probabilities.size < 2:
        return 0.0, 1.0
    shares = probabilities / total
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -float((shares * logarithms).sum()) / math.log(shares.size)
    return float(probabilities.max()), min(1.0, max(0.0, entropy))


def thinned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return at most about MOST_VALUES of a tensor, evenly, no channel oftener than another."""
    step = max(1, values.size // MOST_VALUES)
    channels = values.shape[-1] if values.ndim else 1
    while step > 1 and math.gcd(step, channels) > 1:
        step += 1
    return values.ravel()[::step]


def _none(reference: Reference) -> Counts:
    return np.zeros(len(reference.shares), np.int64)


def _sum(windows: list[Counts]) -> Counts:
    total: Counts = np.sum(windows, axis=0, dtype=np.int64)
    return total
