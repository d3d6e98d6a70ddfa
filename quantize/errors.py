"""Errors of the quantizer, by cause.

QuantizeError
 ├─ ModelError (ValueError)            a model file that cannot be read or means nothing
 │   └─ UnsupportedModelError          a model that is sound, but has things that we do not support
 ├─ GraphError (ValueError)            a graph that breaks the rules of its stage
 ├─ DataError (ValueError)             calibration or evaluation data that cannot be used
 │   └─ MissingShardsError             a cache of calibration shards that is not whole yet
 ├─ RecipeError (ValueError)           a recipe that cannot be read
 ├─ OutputError                        a bundle that cannot be written where it should be
 ├─ ClusterError                       workers that cannot be had
 └─ ScaleRangeError (ValueError)       a factor that no fixed-point multiplier can express
"""

from collections.abc import Sequence


class QuantizeError(Exception):
    """Base of everything that the quantizer refuses; the message is one clear line."""


class ModelError(QuantizeError, ValueError):
    """The model file is truncated, foreign or contradicts itself."""


class UnsupportedModelError(ModelError):
    """The model uses things that we do not support; all of them are named at once.

    Attributes:
        problems: One line each: node, operation, what is not supported, what to do.
    """

    def __init__(self, model: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} unsupported thing{'s' if len(self.problems) > 1 else ''}"
        super().__init__(f"{model}: {count}: " + "; ".join(self.problems))


class GraphError(QuantizeError, ValueError):
    """A graph breaks the rules of its stage; the message names the tensor or operation."""


class DataError(QuantizeError, ValueError):
    """Calibration or evaluation data is empty, of the wrong shape, or not finite."""


class MissingShardsError(DataError):
    """Shards of a calibration that other parts have to compute are not there."""

    def __init__(self, kind: str, missing: int, total: int) -> None:
        super().__init__(
            f"calibration cache: {missing} of {total} shards of {kind} are missing;"
            " compute the other parts, merge their caches, then go on"
        )


class RecipeError(QuantizeError, ValueError):
    """A recipe has an unknown key or a value outside what is allowed."""


class OutputError(QuantizeError):
    """A bundle cannot be written: the directory refuses it, or holds that version already."""


class ClusterError(QuantizeError):
    """Workers were asked for that cannot be had: no such number, no cluster, no package for it."""


class ScaleRangeError(QuantizeError, ValueError):
    """A real factor lies outside of what multiplier and shift can express."""
