"""How a model is quantized: the settings, written down, so that a bundle can say them again."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from quantize.errors import RecipeError
from quantize.ir.graph import Profile


class RangeMethod(StrEnum):
    """How a tensor's range is read off its histogram."""

    MIN_MAX = "min_max"
    PERCENTILE_99_9 = "percentile_99_9"
    PERCENTILE_99_99 = "percentile_99_99"
    PERCENTILE_99_999 = "percentile_99_999"
    ENTROPY = "entropy"
    MSE = "mse"
    MEASURED = "measured"  # ends moved from the best of the others while the output gains


class WeightRounding(StrEnum):
    """How a weight becomes an integer."""

    NEAREST = "nearest"
    COMPENSATED = "compensated"  # each rounding error is made up for by the weights not yet rounded


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one quantization; the defaults are what we recommend.

    Attributes:
        profile: The integer arithmetic that the graph means.
        range_methods: Candidates for every tensor's range; the one that the output shows least is
            taken.
        fully_connected_per_channel: False for runtimes that predate per-channel there.
        global_pool_as_mean: An average pool over the whole image becomes Mean, whose output has a
            scale of its own.
        equalize_strength: How far the channels of a tensor are given like ranges, by moving factors
            between weights; 0 not at all, 1 wholly.
        weight_rounding: See WeightRounding.
        bias_correction: Take the mean error that rounding made out of each output channel, and
            out of the network's outputs.
        search_samples: How many calibration samples the choice of ranges is measured on; 0 takes
            each tensor's own least squared error, without running the network.
        batch_size: How many samples are in memory at once.
    """

    profile: Profile = Profile.TFLM
    range_methods: tuple[RangeMethod, ...] = tuple(RangeMethod)
    fully_connected_per_channel: bool = True
    global_pool_as_mean: bool = True
    equalize_strength: float = 0.5
    weight_rounding: WeightRounding = WeightRounding.COMPENSATED
    bias_correction: bool = True
    search_samples: int = 64
    batch_size: int = 4

    def __post_init__(self) -> None:
        """Refuse values outside of what is allowed."""
        if not self.range_methods:
            raise RecipeError("range_methods: empty, expected at least one method")
        if not 0.0 <= self.equalize_strength <= 1.0:
            raise RecipeError(f"equalize_strength: {self.equalize_strength}, allowed is 0 to 1")
        if self.search_samples < 0:
            raise RecipeError(f"search_samples: {self.search_samples}, allowed is 0 and above")
        if self.batch_size < 1:
            raise RecipeError(f"batch_size: {self.batch_size}, allowed is 1 and above")


def read_recipe(text: str) -> Recipe:
    """Return the recipe that a TOML text describes; what it leaves out has its default.

    Raises:
        RecipeError: An unknown key, a value outside what is allowed, or no TOML.
    """
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe: not TOML: {error}") from error
    known = Recipe.__dataclass_fields__
    if unknown := sorted(set(settings) - set(known)):
        raise RecipeError(f"recipe: unknown key {unknown[0]!r}, known are {', '.join(known)}")
    try:
        return msgspec.convert(settings, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"recipe: {error}") from error


def recipe_facts(recipe: Recipe) -> dict[str, object]:
    """Return the recipe as plain values, for JSON and TOML; `read_recipe` reads them back."""
    return dict(msgspec.to_builtins(recipe))
