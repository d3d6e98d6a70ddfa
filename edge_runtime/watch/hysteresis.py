"""A condition that has to last before it counts, and has to be gone for as long before it ends."""


class Lasting:
    """Turns a flickering condition into one that begins and ends once.

    Args:
        after_s: How long it has to hold, or to be gone.
    """

    def __init__(self, after_s: float) -> None:
        self.holds = False
        self._after_s = after_s
        self._differs_since_s: float | None = None

    def update(self, *, is_bad: bool, is_good: bool, now_s: float) -> None:
        """Take in a look; one that is neither bad nor good leaves things as they are."""
        differs = is_good if self.holds else is_bad
        if not differs:
            self._differs_since_s = None
            return
        if self._differs_since_s is None:
            self._differs_since_s = now_s
        if now_s - self._differs_since_s >= self._after_s:
            self.holds = not self.holds
            self._differs_since_s = None
