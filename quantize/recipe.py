"""How a model is quantized: the settings, written down, so that a bundle can say them again."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from quantize.errors import RecipeError
from quantize.ir.graph import Profile

ALL_LAYERS = "all"
MOST_PRUNED = 0.95


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
    ADAPTIVE = "adaptive"  # up or down is learned against the layer's output error


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one quantization; the defaults are what we recommend.

    Attributes:
        profile: The integer arithmetic that the graph means.
        range_methods: Candidates for every tensor's range; the one that the output shows least is
            taken.
        per_channel: False gives every weight one scale, for targets that know no other.
        fully_connected_per_channel: False for runtimes that predate per-channel there.
        global_pool_as_mean: An average pool over the whole image becomes Mean, whose output has a
            scale of its own.
        separate_outputs: Outputs that a concatenation puts together, boxes and scores, are returned
            apart, each with a scale of its own; decoders find other outputs then.
        split_layers: A layer that is read only in slices of its channels becomes a layer per slice,
            each with a scale of its own; its outputs stay what they are.
        equalize_strength: How far the channels of a tensor are given like ranges, by moving factors
            between weights; 0 not at all, 1 wholly.
        weight_rounding: See WeightRounding.
        bias_correction: Take the mean error that rounding made out of each output channel, and
            out of the network's outputs.
        int16_layers: Operations, by the name of their output, whose activations are int16 (16x8);
            "all": every one that has such a form.
        float_layers: Operations that are kept in float32; "all": every one.
        search_samples: How many calibration samples the choice of ranges is measured on; 0 takes
            each tensor's own least squared error, without running the network.
        widen_few: Widen the ranges that fewer than 32 samples showed, by 1 + 1/sqrt(samples).
        prune_weights: Share of each layer's weights that become 0, the weakest; depthwise layers
            stay whole.
        prune_channels: Share of each layer's channels that go, the weakest, where all that reads
            them can do without; those of a residual sum go together.
        prune_keep: Names of layers that keep their channels.
        batch_size: How many samples are in memory at once.
    """

    profile: Profile = Profile.TFLM
    range_methods: tuple[RangeMethod, ...] = tuple(RangeMethod)
    per_channel: bool = True
    fully_connected_per_channel: bool = True
    global_pool_as_mean: bool = True
    separate_outputs: bool = False
    split_layers: bool = True
    equalize_strength: float = 0.5
    weight_rounding: WeightRounding = WeightRounding.COMPENSATED
    bias_correction: bool = True
    int16_layers: tuple[str, ...] = ()
    float_layers: tuple[str, ...] = ()
    search_samples: int = 64
    widen_few: bool = True
    prune_weights: float = 0.0
    prune_channels: float = 0.0
    prune_keep: tuple[str, ...] = ()
    batch_size: int = 4

    def __post_init__(self) -> None:
        """Refuse values outside of what is allowed."""
        if not self.range_methods:
            raise RecipeError("range_methods: empty, expected at least one method")
        if not 0.0 <= self.equalize_strength <= 1.0:
            raise RecipeError(f"equalize_strength: {self.equalize_strength}, allowed is 0 to 1")
        if both := sorted({*self.int16_layers} & {*self.float_layers}):
            raise RecipeError(f"{both[0]}: in int16_layers and in float_layers, allowed is one")
        for name in ("prune_weights", "prune_channels"):
            if not 0.0 <= getattr(self, name) <= MOST_PRUNED:
                allowed = f"allowed is 0 to {MOST_PRUNED}"
                raise RecipeError(f"{name}: {getattr(self, name)}, {allowed}")
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
    except (ValueError, RecursionError) as error:  # also a number of more than 4300 digits
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
