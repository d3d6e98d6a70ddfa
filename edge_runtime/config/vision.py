"""The tables of a pipeline that say where to look, when, and what else to ask."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from edge_runtime.config.values import Name, Seconds, Table, Text

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Shares: TypeAlias = tuple[Share, Share, Share, Share]  # left, top, right, bottom of the image
Labels: TypeAlias = Annotated[tuple[Text, ...], Meta(max_length=1000)]
Threshold: TypeAlias = Annotated[float, Meta(ge=-1e9, le=1e9)]
Pause: TypeAlias = Annotated[float, Meta(ge=0, le=86_400)]


class ModelConfig(Table, frozen=True, kw_only=True):
    """A model and what runs it.

    Attributes:
        model: NAME or NAME@VERSION below `models_dir`, or a path to a bundle.
        engine: "auto" takes what is installed and in the bundle, TFLite first; onnx, tflite,
            openvino, native, or the name of another package's (docs/engines.md).
        accelerator: Of the engine, by its name; one that is missing is an error.
        library: What the accelerator needs: a delegate or plug-in; for native the model itself.
        threads: Of the engine; None: cores - 1, at least 1.
        threshold: Overrides the decoder's own (anomaly); least score of a class, box or point;
            least share of a segmentation's class.
    """

    model: Text
    engine: Name = "auto"
    accelerator: Name | None = None
    library: Text | None = None
    threads: Annotated[int, Meta(ge=1, le=256)] | None = None
    threshold: Threshold | None = None


class ZoneConfig(Table, frozen=True, kw_only=True):
    """A part of the image with a name: exactly one of box and polygon, in shares of the image.

    Attributes:
        labels: Only these objects can be in it; empty: all.
        at: The place of an object that counts: the middle of its lower edge, or its centre.
        hides: Objects in it are left out, whatever other zones they are in.
    """

    name: Name
    box: Shares | None = None
    polygon: (
        Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=3, max_length=64)] | None
    ) = None
    labels: Labels = ()
    at: Literal["foot", "centre"] = "foot"
    hides: bool = False


class MotionGateConfig(Table, frozen=True, kw_only=True, tag_field="kind", tag="motion"):
    """Lets a frame pass where enough of the image differs from the background.

    Attributes:
        min_share: Of the image, or of `roi`.
        contrast: Grey levels by which a pixel has to differ.
        forget_s: After so long a new thing is background.
        hold_s: It stays open for so long, so that the end of what opened it is seen too.
        refresh_s: A frame passes at least so often; 0: only what opens it.
    """

    min_share: Annotated[float, Meta(gt=0, le=1)] = 0.002
    contrast: Annotated[int, Meta(ge=1, le=255)] = 25
    forget_s: Seconds = 10.0
    hold_s: Pause = 2.0
    refresh_s: Pause = 60.0


class ModelGateConfig(ModelConfig, frozen=True, kw_only=True, tag_field="kind", tag="model"):
    """Lets a frame pass where a cheap model says so.

    Attributes:
        labels: What it has to say; empty: any class, object or anomaly above its threshold.
        hold_s: As of the motion gate.
        refresh_s: Likewise.
    """

    labels: Labels = ()
    hold_s: Pause = 2.0
    refresh_s: Pause = 60.0


GateConfig: TypeAlias = MotionGateConfig | ModelGateConfig


class TrackConfig(Table, frozen=True, kw_only=True):
    """Follows objects from frame to frame.

    Attributes:
        min_hits: Frames before an object is believed: its number and its event begin.
        max_misses: Frames without it before it is given up: its event ends.
        min_iou: Overlap of where it is expected and where a box is.
    """

    min_hits: Annotated[int, Meta(ge=1, le=1000)] = 3
    max_misses: Annotated[int, Meta(ge=0, le=10_000)] = 10
    min_iou: Annotated[float, Meta(gt=0, le=1)] = 0.2


class StageConfig(ModelConfig, frozen=True, kw_only=True):
    """A further model.

    Attributes:
        name: In payloads.
        on: Objects, each cut out of the frame, or the whole frame (`roi`).
        of: Whose objects: an earlier stage; None: the pipeline's own model.
        labels: Objects with these labels only; on a frame: only where the pipeline's own model
            says one of them. Empty: all.
        margin: Share of its width and height that is added on each side of an object.
        max_objects: The best ones of a frame.
    """

    name: Name
    on: Literal["objects", "frame"] = "objects"
    of: Name | None = None
    labels: Labels = ()
    margin: Annotated[float, Meta(ge=0, le=2)] = 0.1
    max_objects: Annotated[int, Meta(ge=1, le=100)] = 5


def zone_problems(zones: tuple[ZoneConfig, ...]) -> list[str]:
    """Return what is wrong with zones that are each well-formed."""
    problems = [f"zone: name {name!r} is used twice" for name in _twice([z.name for z in zones])]
    for index, zone in enumerate(zones):
        if (zone.box is None) == (zone.polygon is None):
            problems.append(f"zone[{index}]: exactly one of box and polygon is needed")
        if zone.box is not None:
            problems += [f"zone[{index}].{problem}" for problem in box_problems("box", zone.box)]
    return problems


def stage_problems(stages: tuple[StageConfig, ...]) -> list[str]:
    """Return what is wrong with stages that are each well-formed."""
    names = [stage.name for stage in stages]
    problems = [f"stage: name {name!r} is used twice" for name in _twice(names)]
    for index, stage in enumerate(stages):
        if stage.of is not None and stage.on == "frame":
            problems.append(f'stage[{index}]: of needs on = "objects"')
        elif stage.of is not None and stage.of not in names[:index]:
            known = ", ".join(names[:index]) or "none"
            problems.append(f"stage[{index}]: of {stage.of!r}, earlier stages are {known}")
    return problems


def box_problems(name: str, box: Shares) -> list[str]:
    """Return what is wrong with a box of shares."""
    left, top, right, bottom = box
    if left < right and top < bottom:
        return []
    return [f"{name}: {[*box]} is empty, the order is left, top, right, bottom"]


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
