"""How fast a backlog is sent: a fleet that comes back together must not flood its broker."""


class Pacer:
    """A token bucket of at most a second's worth; without a rate it holds nothing back."""

    def __init__(self, rate_hz: float, starts_at_s: float) -> None:
        """`starts_at_s` is when the first may go, on the monotonic clock."""
        self._rate_hz = rate_hz
        self._most = max(1.0, rate_hz)
        self._tokens = 1.0
        self._filled_at_s = starts_at_s

    def may_send(self, now_s: float) -> bool:
        """Return whether one more may go now."""
        if now_s < self._filled_at_s:
            return False
        if self._rate_hz == 0.0:
            return True
        gained = (now_s - self._filled_at_s) * self._rate_hz
        self._tokens = min(self._most, self._tokens + gained)
        self._filled_at_s = now_s
        return self._tokens >= 1.0

    def sent(self) -> None:
        """Note that one has gone."""
        self._tokens -= 1.0
