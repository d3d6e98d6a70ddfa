"""Follows objects from frame to frame: a Kalman filter each, matched to boxes by overlap.

The state of a track is its box's centre and size with their speeds, each of the four numbers
filtered by itself (constant velocity). Sources: Bewley et al., Simple Online and Realtime
Tracking (SORT); the noise grows with the object's size as in Wojke et al., DeepSORT.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.config.vision import TrackConfig
from edge_runtime.decoders.candidates import iou_matrix
from edge_runtime.records import Detected, Objects

Reals: TypeAlias = npt.NDArray[np.float64]

MEASURED = 0.05  # standard deviation of a box's numbers, in sizes of the object
PUSHED = 0.5  # of the change of speed, in sizes of the object per second and root second
SPEED_AT_FIRST = 1.0  # in sizes of the object per second
PAUSE_S = 3.0  # without frames for so long (a gate was shut): what is still there has stood still


@dataclass(slots=True, eq=False)
class Track:
    """One object.

    Attributes:
        label: Of its boxes; a track never changes it.
        place: (4,) centre x, centre y, width, height.
        speed: (4,) of the same, per second.
        spread: (4, 3) variance of place, covariance, variance of speed.
        hits: Frames with it.
        misses: Frames in a row without it.
        number: None until it is believed.
    """

    label: str
    place: Reals
    speed: Reals
    spread: Reals
    hits: int = 1
    misses: int = 0
    number: int | None = None


@dataclass(frozen=True, slots=True)
class TrackState:
    """A track in plain numbers."""

    label: str
    place: list[float]
    speed: list[float]
    spread: list[list[float]]
    hits: int
    misses: int
    number: int | None


@dataclass(frozen=True, slots=True)
class TrackerState:
    """All that a tracker remembers."""

    next_number: int
    now_s: float | None
    tracks: tuple[TrackState, ...]


class Tracker:
    """Gives objects numbers that last; used by the inference loop alone."""

    def __init__(self, config: TrackConfig, first_number: int) -> None:
        self._config = config
        self._next = first_number
        self._tracks: list[Track] = []
        self._now_s: float | None = None

    def state(self) -> TrackerState:
        """Return what it remembers, as a copy."""
        tracks = (
            TrackState(
                label=track.label,
                place=track.place.tolist(),
                speed=track.speed.tolist(),
                spread=track.spread.tolist(),
                hits=track.hits,
                misses=track.misses,
                number=track.number,
            )
            for track in self._tracks
        )
        return TrackerState(self._next, self._now_s, tuple(tracks))

    def restore(self, state: TrackerState) -> None:
        """Remember what another one did."""
        self._next, self._now_s = state.next_number, state.now_s
        self._tracks = [
            Track(
                label=track.label,
                place=np.array(track.place),
                speed=np.array(track.speed),
                spread=np.array(track.spread),
                hits=track.hits,
                misses=track.misses,
                number=track.number,
            )
            for track in state.tracks
        ]

    def follow(self, decoded: Objects, now_s: float) -> Objects:
        """Return the objects of the next frame with the numbers of their tracks.

        Args:
            decoded: What a model found.
            now_s: Of the capture, monotonic.
        """
        passed_s = 0.0 if self._now_s is None else max(0.0, now_s - self._now_s)
        self._now_s = now_s
        for track in self._tracks:
            if passed_s < PAUSE_S:
                _predict(track, passed_s)
            else:
                _stop(track)
        pairs = self._match(decoded.objects)
        numbers = self._take(decoded.objects, pairs)
        self._forget(pairs)
        objects = zip(decoded.objects, numbers, strict=True)
        return replace(decoded, objects=tuple(replace(o, track=number) for o, number in objects))

    def _match(self, objects: tuple[Detected, ...]) -> dict[int, Track]:
        """Return tracks by object: pairs of one label, the greatest overlap first."""
        if not objects or not self._tracks:
            return {}
        boxes = np.array([thing.box for thing in objects])
        overlaps = iou_matrix(np.stack([_corners(track) for track in self._tracks]), boxes)
        labels = np.array([thing.label for thing in objects])
        overlaps[np.array([t.label for t in self._tracks])[:, np.newaxis] != labels] = 0.0
        pairs: dict[int, Track] = {}
        while (best := overlaps.max()) >= self._config.min_iou:
            row, column = np.argwhere(overlaps == best)[0]
            pairs[int(column)] = self._tracks[row]
            overlaps[row], overlaps[:, column] = 0.0, 0.0
        return pairs

    def _take(self, objects: tuple[Detected, ...], pairs: dict[int, Track]) -> list[int | None]:
        """Correct the tracks that were seen, begin new ones; return the number of each object."""
        numbers = []
        for index, thing in enumerate(objects):
            track = pairs.get(index)
            if track is None:
                pairs[index] = track = _begin(thing)
                self._tracks.append(track)
            else:
                _correct(track, _centred(thing))
                track.hits, track.misses = track.hits + 1, 0
            if track.number is None and track.hits >= self._config.min_hits:
                track.number, self._next = self._next, self._next + 1
            numbers.append(track.number)
        return numbers

    def _forget(self, pairs: dict[int, Track]) -> None:
        """Give up what was missed too often; what was not believed yet, at its first miss."""
        seen = {id(track) for track in pairs.values()}
        kept = []
        for track in self._tracks:
            if id(track) not in seen:
                track.misses += 1
            most = 0 if track.number is None else self._config.max_misses
            if track.misses <= most:
                kept.append(track)
        self._tracks = kept


def _begin(thing: Detected) -> Track:
    place = _centred(thing)
    return Track(thing.label, place, np.zeros(4), _first_spread(place))


def _stop(track: Track) -> None:
    track.speed, track.spread = np.zeros(4), _first_spread(track.place)


def _first_spread(place: Reals) -> Reals:
    size = max(place[2], place[3])
    return np.tile([(MEASURED * size) ** 2, 0.0, (SPEED_AT_FIRST * size) ** 2], (4, 1))


def _predict(track: Track, passed_s: float) -> None:
    """Move on: white noise in the acceleration."""
    push = (PUSHED * max(track.place[2], track.place[3])) ** 2
    place, mixed, speed = track.spread.T
    track.place = track.place + track.speed * passed_s
    track.spread = np.stack(
        [
            place + 2 * passed_s * mixed + passed_s**2 * speed + push * passed_s**3 / 3,
            mixed + passed_s * speed + push * passed_s**2 / 2,
            speed + push * passed_s,
        ],
        axis=1,
    )


def _correct(track: Track, measured: Reals) -> None:
    """Take a measured box in."""
    noise = (MEASURED * max(measured[2], measured[3])) ** 2
    place, mixed, speed = track.spread.T
    gain, gain_of_speed = place / (place + noise), mixed / (place + noise)
    error = measured - track.place
    track.place = track.place + gain * error
    track.speed = track.speed + gain_of_speed * error
    track.spread = np.stack(
        [(1 - gain) * place, (1 - gain) * mixed, speed - gain_of_speed * mixed], axis=1
    )


def _centred(thing: Detected) -> Reals:
    left, top, right, bottom = thing.box
    return np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])


def _corners(track: Track) -> Reals:
    centre, half = track.place[:2], np.maximum(track.place[2:], 0.0) / 2
    return np.concatenate([centre - half, centre + half])
