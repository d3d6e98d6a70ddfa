"""Gives up work while the device is hot: down a declared ladder, and up again once it is cool."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_runtime.config.governor import GovernorConfig, RungConfig
from edge_runtime.host.readings import Throttle
from edge_runtime.link import Pace

_HOT_FLAGS = frozenset({"throttled", "soft_temperature_limit"})  # the firmware's own brakes


@dataclass(frozen=True, slots=True)
class Restraint:
    """What is given up now.

    Attributes:
        rungs: That are in force, in words.
        why: The reading behind the last step.
        pace: Of each pipeline.
        is_small: Pipelines with a small model run it.
    """

    rungs: tuple[str, ...] = ()
    why: str | None = None
    pace: Pace = Pace()  # noqa: RUF009 (frozen)
    is_small: bool = False

    @property
    def level(self) -> int:
        """Return how many rungs down."""
        return len(self.rungs)


class Governor:
    """Used by the supervisor's thread.

    Attributes:
        restraint: In force now.
        steps: Down and up, since the start.
    """

    def __init__(self, config: GovernorConfig) -> None:
        self.restraint = Restraint()
        self.steps = 0
        self._config = config
        self._stepped_s: float | None = None

    def look(
        self, temperatures: Mapping[str, float], throttle: Throttle | None, now_s: float
    ) -> Restraint:
        """Take readings in, go a rung where that is due; return what is in force then."""
        config, level = self._config, self.restraint.level
        hottest = _hottest(temperatures, config.zone)
        flags = sorted(_HOT_FLAGS.intersection(() if throttle is None else throttle.now))
        is_hot = bool(flags) or (hottest is not None and hottest[1] >= config.hot_celsius)
        is_cool = not flags and (hottest is None or hottest[1] <= config.cool_celsius)
        is_settled = self._stepped_s is None or now_s - self._stepped_s >= config.dwell_s
        step = (is_hot and level < len(config.ladder)) - (is_cool and level > 0)
        if step and is_settled:
            self._stepped_s = now_s
            self.steps += 1
            self.restraint = restraint_of(config.ladder[: level + step], _why(hottest, flags))
        return self.restraint


def restraint_of(rungs: tuple[RungConfig, ...], why: str) -> Restraint:
    """Return what rungs together mean: the strictest of each kind."""
    rates = [rung.max_fps for rung in rungs if rung.max_fps is not None]
    duties = [rung.duty for rung in rungs if rung.duty is not None]
    return Restraint(
        rungs=tuple(_words(rung) for rung in rungs),
        why=why,
        pace=Pace(min(rates, default=None), min(duties, default=1.0)),
        is_small=any(rung.model is not None for rung in rungs),
    )


def _words(rung: RungConfig) -> str:
    if rung.max_fps is not None:
        return f"max_fps {rung.max_fps:g}"
    return "model small" if rung.duty is None else f"duty {rung.duty:g}"


def _hottest(temperatures: Mapping[str, float], zone: str | None) -> tuple[str, float] | None:
    """Return the hottest zone, or the one that is asked for; None where it cannot be read."""
    found = [(celsius, name) for name, celsius in temperatures.items() if zone in {None, name}]
    if not found:
        return None
    celsius, name = max(found)
    return name, celsius


def _why(hottest: tuple[str, float] | None, flags: list[str]) -> str:
    read = [] if hottest is None else [f"{hottest[0]} {hottest[1]:.1f} °C"]
    return ", ".join([*read, *flags]) or "no reading"
