"""T3: down the ladder while hot, up again once cool, never two steps within the dwell."""

from edge_runtime.config.governor import GovernorConfig, RungConfig
from edge_runtime.host.readings import Throttle
from edge_runtime.link import Pace
from edge_runtime.supervisor.alarms import Subject
from edge_runtime.supervisor.governor import Governor, restraint_of
from edge_runtime.supervisor.host_watch import HostWatch

CONFIG = GovernorConfig(hot_celsius=80, cool_celsius=70, dwell_s=60)
BRAKES = Throttle(("throttled",), ("throttled",))


def levels(
    governor: Governor, celsius: float | None, seconds: range, throttle: Throttle | None = None
) -> list[int]:
    zones = {} if celsius is None else {"cpu-thermal": celsius, "gpu-thermal": celsius - 9}
    return [governor.look(zones, throttle, float(t)).level for t in seconds]


def test_it_steps_at_once_then_once_a_dwell_and_stops_at_the_last_rung() -> None:
    governor = Governor(CONFIG)

    found = levels(governor, 84.2, range(0, 300, 2))

    assert found == [1] * 30 + [2] * 30 + [3] * 90
    restraint = governor.restraint
    assert restraint.rungs == ("max_fps 5", "model small", "duty 0.5")
    assert restraint.why == "cpu-thermal 84.2 °C"
    assert restraint.pace == Pace(5.0, 0.5)
    assert restraint.is_small


def test_between_cool_and_hot_it_stays_where_it_is() -> None:
    governor = Governor(CONFIG)
    levels(governor, 85.0, range(0, 70, 2))

    assert set(levels(governor, 75.0, range(70, 500, 2))) == {2}
    assert levels(governor, 69.0, range(500, 640, 2))[-1] == 0
    assert governor.steps == 4


def test_a_temperature_at_the_edge_does_not_make_it_flap() -> None:
    governor = Governor(CONFIG)
    for second in range(0, 600, 2):
        governor.look({"cpu": 80.5 if second % 4 else 69.5}, None, float(second))

    assert governor.steps <= 10  # one a dwell


def test_the_firmwares_own_brakes_count_as_hot_without_any_temperature() -> None:
    governor = Governor(CONFIG)

    assert levels(governor, None, range(0, 4, 2), BRAKES) == [1, 1]
    assert governor.restraint.why == "throttled"
    assert levels(governor, None, range(4, 80, 2))[-1] == 0
    assert governor.restraint.why == "no reading"


def test_one_zone_may_be_the_one_that_counts() -> None:
    governor = Governor(GovernorConfig(zone="gpu-thermal"))

    assert levels(governor, 85.0, range(0, 10, 2)) == [0] * 5  # the GPU has 76


def test_rungs_add_up_to_the_strictest() -> None:
    ladder = (RungConfig(max_fps=10), RungConfig(duty=0.8), RungConfig(max_fps=2))

    assert restraint_of(ladder, "hot").pace == Pace(2.0, 0.8)
    assert restraint_of((), "cool").pace == Pace()


def test_the_machines_complaints_are_alarms() -> None:
    readings = ({"cpu": 90.0}, Throttle(("under_voltage",), ()))
    watch = HostWatch(lambda: readings, Governor(CONFIG))
    assert watch.conditions() == {}

    watch.turn((), 10.0)

    found = watch.conditions()
    assert found[Subject("throttled")].text == "max_fps 5: cpu 90.0 °C"
    assert found[Subject("under_voltage")].text == "the supply's voltage is too low"


def test_without_a_governor_the_firmwares_brakes_are_told() -> None:
    watch = HostWatch(lambda: ({}, BRAKES), None)
    watch.turn((), 10.0)
    watch.turn((), 11.0)

    assert watch.conditions() == {Subject("throttled"): watch.conditions()[Subject("throttled")]}
    assert (watch.restraint, watch.steps) == (None, 0)
