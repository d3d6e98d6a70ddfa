"""The tables of a pipeline that say what is watched besides its predictions, and what is kept."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from edge_runtime.config.values import Seconds, Table

Index: TypeAlias = Annotated[float, Meta(ge=0, le=100)]
Part: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class DriftConfig(Table, frozen=True):
    """When inputs and outputs count as unlike the calibration data; 0 never (1 for max_entropy).

    A window ends after `frames` frames and not before `window_s`; frames are taken evenly.

    Attributes:
        frames: Of a window, at least.
        window_s: Of a window, at least.
        input_psi: Population stability index of the model's input, from which on there is drift.
        output_psi: Likewise of its outputs.
        outside: Share of input values beyond the calibrated range, from which on there is drift.
        min_confidence: Mean score of the best class, below which the model is `unsure`.
        max_entropy: Mean entropy of the scores, as a share of the greatest possible, likewise.
    """

    frames: Annotated[int, Meta(ge=10, le=100_000)] = 200
    window_s: Seconds = 300.0
    input_psi: Index = 0.25
    output_psi: Index = 0.25
    outside: Part = 0.01
    min_confidence: Part = 0.0
    max_entropy: Part = 1.0


class ViewConfig(Table, frozen=True):
    """When an image shows that something is wrong with the camera; 0 never (1: max_saturated).

    Attributes:
        every_s: From one look to the next.
        after_s: How long it has to last, and to be gone.
        min_contrast: Standard deviation of grey levels, below which the lens is covered, or all
            is dark.
        min_sharpness: Variance of the Laplacian of a grey copy 320 pixels wide, below which the
            image is blurred.
        max_saturated: Share of pixels that are white, above which the sensor is saturated.
    """

    every_s: Seconds = 1.0
    after_s: Seconds = 10.0
    min_contrast: Annotated[float, Meta(ge=0, le=128)] = 4.0
    min_sharpness: Annotated[float, Meta(ge=0, le=1e6)] = 8.0
    max_saturated: Part = 0.7


class RecorderConfig(Table, frozen=True):
    """What is kept in memory of the last frames, to be written when something goes wrong.

    Attributes:
        seconds: Of the past, at most.
        max_mb: Of memory, at most.
        privacy: Keep decisions and timings only, never a frame; such a recording cannot be
            replayed.
        low_margin: Write where the best class is ahead of the second by less, or a score is as
            close to its threshold; 0: never.
        pause_s: From one recording of its own accord to the next; a command's is written at once.
        max_recordings: On disk; the oldest goes.
        max_disk_mb: Likewise.
    """

    seconds: Seconds = 30.0
    max_mb: Annotated[float, Meta(ge=1, le=4096)] = 32.0
    privacy: bool = False
    low_margin: Part = 0.0
    pause_s: Annotated[float, Meta(ge=0, le=86_400)] = 300.0
    max_recordings: Annotated[int, Meta(ge=1, le=1000)] = 10
    max_disk_mb: Annotated[float, Meta(ge=1, le=1e6)] = 256.0
