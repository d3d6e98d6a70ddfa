"""What every source does, and the values it hands out."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame's values, not yet numbered.

    Attributes:
        values: (H, W, 3) uint8 BGR, or (T, C) float32 samples, or a ready tensor.
        label: What the source knows about it, for people.
        due_s: When a recording delivers it, in seconds after its start; None: now.
        age_s: How long before it was read the sensor had taken it.
    """

    values: npt.NDArray[Any]
    label: str | None = None
    due_s: float | None = None
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Partial:
    """Something good came, and no frame yet: a row of a window that is not full."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing came for a moment (at most a second); the loop turns and asks again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame or row that cannot be used; counted as "invalid", the source goes on."""

    why: str


@dataclass(frozen=True, slots=True)
class End:
    """A recording is played to its end."""


Reading: TypeAlias = Shot | Partial | Quiet | Refusal | End


class Source(Protocol):
    """A camera, a sensor or a recording; used by one thread."""

    @property
    def is_lossless(self) -> bool:
        """Whether its frames wait for the model instead of being replaced by newer ones."""

    @property
    def rate_hz(self) -> float | None:
        """How many readings (frames, or rows of a window) a second are expected, None: unknown."""

    def open(self) -> None:
        """Make it ready; called again after it failed.

        Raises:
            SourceError: It is not there, or refuses.
        """

    def read(self) -> Reading:
        """Return the next frame; waits for it, or says `Quiet` where waiting can be cut short.

        Raises:
            SourceError: It has stopped delivering and must be opened again. The subclass says
                which state that is.
        """

    def close(self) -> None:
        """Let go of what `open` acquired; called in any state."""
