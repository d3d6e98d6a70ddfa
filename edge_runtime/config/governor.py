"""The table that says what a hot device gives up, and in which order."""

from typing import Annotated

from msgspec import Meta

from edge_runtime.config.values import Name, Table


class RungConfig(Table, frozen=True):
    """One rung of the ladder; exactly one key.

    Attributes:
        max_fps: Of each pipeline.
        model: "small": pipelines that have a `small_model` run it.
        duty: Share of the time in which frames are inferred.
    """

    max_fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    model: Annotated[str, Meta(pattern=r"\Asmall\Z")] | None = None
    duty: Annotated[float, Meta(gt=0, lt=1)] | None = None


class GovernorConfig(Table, frozen=True):
    """When the ladder is gone down, rung by rung, and up again.

    Attributes:
        hot_celsius: From here on one rung more, unless the dwell since the last step is not over.
        cool_celsius: Up to here one rung less, likewise.
        zone: Name of the sensor; None: the hottest counts.
        dwell_s: From one step to the next, at least.
        ladder: Rungs are added to those before; none: the governor only watches.
    """

    hot_celsius: Annotated[float, Meta(ge=20, le=150)] = 80.0
    cool_celsius: Annotated[float, Meta(ge=0, le=149)] = 70.0
    zone: Name | None = None
    dwell_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    ladder: Annotated[tuple[RungConfig, ...], Meta(max_length=8)] = (
        RungConfig(max_fps=5.0),
        RungConfig(model="small"),
        RungConfig(duty=0.5),
    )


def governor_problems(config: GovernorConfig) -> list[str]:
    """Return what is wrong between keys that are each right by themselves."""
    problems = []
    if config.cool_celsius >= config.hot_celsius:
        problems.append(
            f"governor: cool_celsius {config.cool_celsius:g} is not below hot_celsius "
            f"{config.hot_celsius:g}"
        )
    for index, rung in enumerate(config.ladder):
        if sum(key is not None for key in (rung.max_fps, rung.model, rung.duty)) != 1:
            problems.append(
                f"governor.ladder[{index}]: exactly one of max_fps, model and duty is needed"
            )
    return problems
