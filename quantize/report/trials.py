"""What a search under an accuracy budget tried, as the report holds it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate.

    Attributes:
        name: What it is: the techniques, or how many layers are in which type.
        int16_layers: Of its recipe.
        float_layers: Of its recipe.
        drop: How much worse the metric is (points, or percent of an error); None without labels,
            and beside a float model whose error is 0.
        flips: Share of samples with another prediction; None where nothing is predicted.
        logits_sqnr_db: Of its integers.
        onnx_bytes: Size of its file.
        tflite_bytes: Size of its file.
        meets: Whether it is within the budget.
    """

    name: str
    int16_layers: tuple[str, ...]
    float_layers: tuple[str, ...]
    drop: float | None
    flips: float | None
    logits_sqnr_db: float | None
    onnx_bytes: int
    tflite_bytes: int
    meets: bool


@dataclass(frozen=True, slots=True)
class RankedLayer:
    """A layer and what it does to the outputs when it alone is int8: noise over signal power."""

    name: str
    error: float


@dataclass(frozen=True, slots=True)
class SearchReport:
    """A search under a budget.

    Attributes:
        max_drop: Allowed; None: any.
        max_flips: Allowed, as a share; None: any.
        chosen: Name of the trial that became the model.
        reason: Why the budget is not met, in one line; None where it is.
        trials: In the order in which they were tried.
        sensitivity: Of each layer, the worst first; empty where int8 was good enough.
    """

    max_drop: float | None
    max_flips: float | None
    chosen: str
    reason: str | None
    trials: tuple[Trial, ...]
    sensitivity: tuple[RankedLayer, ...]
