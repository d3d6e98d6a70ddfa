"""Remedies: for the greatest errors, what could be switched, what that can gain and what it costs.

Only switches that exist are named, and only those that this recipe has not switched yet.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from quantize.ir.graph import DType, IntGraph
from quantize.ir.widths import INT16_OPERATIONS
from quantize.recipe import ALL_LAYERS, RangeMethod, Recipe, WeightRounding
from quantize.report.activations import Activation
from quantize.report.causes import INPUT, Cause, Effect
from quantize.report.subgraphs import logits_name

MOST_GAIN_DB = 20.0
LEAST_GAIN_DB = 0.01
MAX_REMEDIES = 24
_INT16_NAMES = frozenset(kind.__name__ for kind in INT16_OPERATIONS)
_BYTES_PER_CHANNEL = 8  # a multiplier and a shift, or a scale and a zero point


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to try.

    Attributes:
        layer: The tensor whose error it is about.
        operation: What makes it.
        cause: Of the error.
        remedy: The switch, as it is written.
        expected_gain_db: Of the SQNR of the logits, at most: as if it took this error away wholly,
            but for clipping, whose removal is counted with the rounding that it costs.
        flash_bytes: More than now.
        ram_bytes: More than now.
    """

    layer: str
    operation: str
    cause: Cause
    remedy: str
    expected_gain_db: float
    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """What a remedy is chosen by.

    Attributes:
        recipe: What was switched.
        graph: The integers.
        activations: Ranges, by tensor.
        effects: What every layer and cause does to the logits.
    """

    recipe: Recipe
    graph: IntGraph
    activations: Mapping[str, Activation]
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A switch: which errors it is for, whether it can still be switched, what stays and costs."""

    remedy: str
    is_for: Callable[[Effect, Situation], bool]
    remains: Callable[[Effect, Situation], float]
    flash_bytes: Callable[[Effect, Situation], int]
    ram_bytes: Callable[[Effect, Situation], int]


def remedies(situation: Situation) -> tuple[Remedy, ...]:
    """Return what to try, the greatest expected gain first."""
    found = [
        _remedy(rule, effect, situation)
        for effect in situation.effects
        for rule in _RULES
        if rule.is_for(effect, situation)
    ]
    worth = [remedy for remedy in found if remedy.expected_gain_db >= LEAST_GAIN_DB]
    ranked = sorted(worth, key=lambda remedy: (-remedy.expected_gain_db, remedy.layer))
    return tuple(ranked[:MAX_REMEDIES])


def gain_db(removed_share: float) -> float:
    """Return how much the SQNR rises when a share of the noise goes, at most 20 dB."""
    if removed_share <= 0.0:
        return 0.0
    kept = max(1.0 - removed_share, 10 ** (-MOST_GAIN_DB / 10))
    return -10.0 * math.log10(kept)


def _remedy(rule: _Rule, effect: Effect, situation: Situation) -> Remedy:
    removed = effect.noise_share * (1.0 - rule.remains(effect, situation))
    return Remedy(
        layer=effect.name,
        operation=effect.operation,
        cause=effect.cause,
        remedy=rule.remedy,
        expected_gain_db=round(gain_db(removed), 2),
        flash_bytes=rule.flash_bytes(effect, situation),
        ram_bytes=rule.ram_bytes(effect, situation),
    )


def _nothing(_effect: Effect, _situation: Situation) -> float:
    return 0.0


def _free(_effect: Effect, _situation: Situation) -> int:
    return 0


def _is_nearest(effect: Effect, situation: Situation) -> bool:
    recipe = situation.recipe
    return effect.cause is Cause.WEIGHTS and recipe.weight_rounding is WeightRounding.NEAREST


def _is_uncorrected(effect: Effect, situation: Situation) -> bool:
    return effect.cause is Cause.WEIGHTS and not situation.recipe.bias_correction


def _is_dense_per_tensor(effect: Effect, situation: Situation) -> bool:
    is_dense = effect.operation == "FullyConnected" and effect.cause is Cause.WEIGHTS
    return is_dense and not situation.recipe.fully_connected_per_channel


def _is_unequal(effect: Effect, situation: Situation) -> bool:
    """Tell whether factors could still move; those of an output's own channels cannot."""
    graph = situation.graph
    is_end = effect.operation == INPUT or effect.name in {*graph.outputs, logits_name(graph)}
    if effect.cause is Cause.CLIPPING or (is_end and effect.cause is Cause.ROUNDING):
        return False
    return situation.recipe.equalize_strength < 1.0


def _is_unsearched(effect: Effect, situation: Situation) -> bool:
    return effect.cause is not Cause.WEIGHTS and situation.recipe.search_samples == 0


def _has_fewer_methods(effect: Effect, situation: Situation) -> bool:
    is_all = set(situation.recipe.range_methods) == set(RangeMethod)
    return effect.cause is Cause.ROUNDING and not is_all


def _is_average_pool(effect: Effect, situation: Situation) -> bool:
    return effect.operation == "AveragePool2D" and not situation.recipe.global_pool_as_mean


def _is_cut_off(effect: Effect, situation: Situation) -> bool:
    """Tell whether a narrower range than the calibration data's was chosen."""
    return effect.cause is Cause.CLIPPING and _widening(effect, situation) > 1.0


def _is_beyond_calibration(effect: Effect, situation: Situation) -> bool:
    """Tell whether the evaluation data goes where the calibration data never did."""
    seen = situation.activations.get(effect.name)
    is_free = seen is not None and seen.method is not None
    return effect.cause is Cause.CLIPPING and is_free and not _is_cut_off(effect, situation)


def _is_narrow(effect: Effect, situation: Situation) -> bool:
    """Tell whether the layer could compute in int16 and does not yet."""
    kind = situation.graph.tensors.get(effect.name)
    is_int8 = kind is not None and kind.dtype is DType.INT8
    is_chosen = ALL_LAYERS in situation.recipe.int16_layers
    is_able = effect.operation in _INT16_NAMES
    return effect.cause is Cause.ROUNDING and is_int8 and is_able and not is_chosen


def _second_byte(effect: Effect, situation: Situation) -> int:
    """Return what the layer's output takes more in int16."""
    return math.prod(situation.graph.tensors[effect.name].shape)


def _widening(effect: Effect, situation: Situation) -> float:
    """Return by how much the least-to-greatest range is wider than the chosen one."""
    seen = situation.activations.get(effect.name)
    if seen is None or seen.method is None:
        return 1.0
    whole = max(seen.high, 0.0) - min(seen.low, 0.0)
    return max(1.0, whole / (seen.range_high - seen.range_low) - 1.0 / 255)


def _rounding_instead(effect: Effect, situation: Situation) -> float:
    """Return the rounding that a wider range costs, in parts of the clipping that it removes."""
    rounding = _share(situation.effects, effect.name, Cause.ROUNDING)
    return rounding * (_widening(effect, situation) ** 2 - 1.0) / effect.noise_share


def _share(effects: Iterable[Effect], name: str, cause: Cause) -> float:
    shares = (e.noise_share for e in effects if e.name == name and e.cause is cause)
    return next(shares, 0.0)


def _scales(effect: Effect, situation: Situation) -> int:
    """Return the size of a requantizing factor for every output channel but one."""
    channels = situation.graph.tensors[effect.name].shape[-1]
    return _BYTES_PER_CHANNEL * (channels - 1)


_RULES = (
    _Rule('recipe: weight_rounding = "compensated"', _is_nearest, _nothing, _free, _free),
    _Rule("recipe: bias_correction = true", _is_uncorrected, _nothing, _free, _free),
    _Rule(
        "recipe: fully_connected_per_channel = true", _is_dense_per_tensor, _nothing, _scales, _free
    ),
    _Rule("recipe: equalize_strength = 1.0", _is_unequal, _nothing, _free, _free),
    _Rule(
        f"recipe: search_samples = {Recipe().search_samples}",
        _is_unsearched,
        _nothing,
        _free,
        _free,
    ),
    _Rule("recipe: range_methods, all of them", _has_fewer_methods, _nothing, _free, _free),
    _Rule("recipe: global_pool_as_mean = true", _is_average_pool, _nothing, _free, _free),
    _Rule('recipe: range_methods = ["min_max"]', _is_cut_off, _rounding_instead, _free, _free),
    _Rule(
        "--calibrate: more samples, or more varied", _is_beyond_calibration, _nothing, _free, _free
    ),
    _Rule(
        "recipe: int16_layers, this one and what reads it",
        _is_narrow,
        _nothing,
        _free,
        _second_byte,
    ),
)
