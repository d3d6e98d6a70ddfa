"""Looks at the machine every few seconds: alarms for what it complains of, restraint when hot."""

from collections.abc import Callable, Sequence

from edge_runtime.host.readings import Throttle
from edge_runtime.supervisor.alarms import Condition, Subject
from edge_runtime.supervisor.governor import Governor, Restraint
from edge_runtime.supervisor.supervised import Supervised

LOOK_S = 2.0
Readings = Callable[[], tuple[dict[str, float], Throttle | None]]


class HostWatch:
    """Used by the supervisor's thread.

    Args:
        read: Returns temperatures by zone, and the firmware's complaints.
        governor: None: nothing is given up.
    """

    def __init__(self, read: Readings, governor: Governor | None) -> None:
        self._read = read
        self._governor = governor
        self._look_s = 0.0
        self._throttle: Throttle | None = None

    @property
    def restraint(self) -> Restraint | None:
        """What is given up now; None without a governor."""
        return None if self._governor is None else self._governor.restraint

    @property
    def steps(self) -> int:
        """Of the governor, down and up."""
        return 0 if self._governor is None else self._governor.steps

    def turn(self, pipelines: Sequence[Supervised], now_s: float) -> None:
        """Look where that is due, and have the pipelines restrained."""
        if now_s < self._look_s:
            return
        self._look_s = now_s + LOOK_S
        temperatures, self._throttle = self._read()
        if self._governor is None:
            return
        restraint = self._governor.look(temperatures, self._throttle, now_s)
        for pipeline in pipelines:
            pipeline.restrain(restraint.pace, is_small=restraint.is_small)

    def conditions(self) -> dict[Subject, Condition]:
        """Return what is wrong with the machine."""
        found = {}
        if self._throttle is not None and "under_voltage" in self._throttle.now:
            found[Subject("under_voltage")] = Condition("the supply's voltage is too low")
        restraint = self.restraint
        if restraint is not None and restraint.level:
            text = f"{', '.join(restraint.rungs)}: {restraint.why}"
            found[Subject("throttled")] = Condition(text)
        elif self._throttle is not None and "throttled" in self._throttle.now:
            found[Subject("throttled")] = Condition("by the firmware")
        return found
