"""Pauses between attempts: full jitter, doubling, forgotten only after a stable while."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """How long to wait.

    Attributes:
        first_s: Least pause, and the ceiling of the first one.
        max_s: Greatest pause.
        stable_s: What must pass after a success before failures count from zero again.
    """

    first_s: float = 1.0
    max_s: float = 120.0
    stable_s: float = 60.0


class Backoff:
    """Counts failures and draws the next pause.

    Source: full jitter as in Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog,
    2015), with a floor so that no pause is nothing.
    """

    def __init__(self, settings: BackoffSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._failures = 0
        self._succeeded_at_s: float | None = None

    def succeeded(self, now_s: float) -> None:
        """Note that an attempt succeeded now."""
        self._succeeded_at_s = now_s

    def failed(self, now_s: float) -> float:
        """Note a failure and return the pause, in seconds, before the next attempt."""
        since = self._succeeded_at_s
        if since is not None and now_s - since >= self._settings.stable_s:
            self._failures = 0
        self._succeeded_at_s = None
        ceiling_s = self._settings.first_s * 2 ** min(self._failures, 32)
        self._failures += 1
        return self._rng.uniform(self._settings.first_s, min(ceiling_s * 2, self._settings.max_s))
