"""The search under a budget, put together: candidates are made, measured and written down."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from quantize.accuracy.sensitivity import Sensitivity, rank_layers
from quantize.budget import Attempt, Found, drop_of, excess, flips_of, search
from quantize.calibrate.cache import CalibrationCache
from quantize.candidates import Candidate, Tier, int8_tier, wide_tiers
from quantize.emit.onnx_qdq import emit_qdq_onnx
from quantize.emit.tflite_int8 import emit_tflite
from quantize.integers import Batch, Prepared, Progress, Quantized, Reader, lower_prepared, prepare
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.job import Job
from quantize.layer_names import given_name
from quantize.lower import lower
from quantize.recipe import Recipe
from quantize.report.evaluation import Evaluation
from quantize.report.trials import RankedLayer, SearchReport, Trial

Note: TypeAlias = Callable[[str], None]
Measure: TypeAlias = Callable[[IntGraph], Evaluation]

SENSITIVITY_BATCHES = 4  # of the recipe's batch size


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a candidate came to."""

    quantized: Quantized
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """The model that a search ends with.

    Attributes:
        quantized: Its integers.
        recipe: How they were made.
        report: What was tried; None where there was nothing to search for.
    """

    quantized: Quantized
    recipe: Recipe
    report: SearchReport | None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a search works with.

    Attributes:
        read: Yields the calibration samples.
        measure: Tells how integers do beside the float model.
        progress: Told of every step.
        note: Told of every candidate, in one line.
        cache: Where shards of the calibration are kept, if they are.
        clock: Seconds, monotonic.
    """

    read: Reader
    measure: Measure
    progress: Progress
    note: Note
    cache: CalibrationCache | None = None
    clock: Callable[[], float] = time.monotonic


def search_integers(graph: FloatGraph, job: Job, tools: Tools) -> Searched:
    """Return the cheapest integers within the job's budget, or the best that were found.

    The layers are ranked on the calibration data; what is measured only ends the search.

    Args:
        graph: Simplified.
        job: Its budget, recipe and workers.
        tools: What to work with.

    Raises:
        ClusterError: Its workers cannot be had.
        QuantizeError: As `quantize_graph`.
    """
    run = _Search(graph, job, tools)
    found = search(job.budget, run.tiers(), run.attempt, run.told, tools.clock)
    return Searched(found.best.made.quantized, found.best.candidate.recipe, run.report(found))


class _Search:
    """Makes candidates, keeping what several of them share."""

    def __init__(self, graph: FloatGraph, job: Job, tools: Tools) -> None:
        self._graph, self._job, self._tools = graph, job, tools
        self._prepared: dict[float, Prepared] = {}
        self._trials: list[Trial] = []
        self._ranked: tuple[Sensitivity, ...] = ()

    def tiers(self) -> Iterator[Tier]:
        """Yield the Pareto list; layers are ranked only where int8 is not good enough."""
        yield int8_tier(self._job.recipe)
        recipe = self._job.recipe
        prepared = self._prepare(recipe)
        self._tools.progress("sensitivity", 0, 1)
        narrow = replace(recipe, int16_layers=(), float_layers=())
        self._ranked = rank_layers(
            prepared.reference,
            lower(prepared.reference, prepared.choice.params, narrow),
            self._samples(prepared),
            prepared.runner,
            self._job.workers,
        )
        yield from wide_tiers(recipe, prepared.reference, [layer.name for layer in self._ranked])

    def _samples(self, prepared: Prepared) -> tuple[Batch, ...]:
        """Return a few batches, evenly spread; the first one where no ranges were searched for."""
        step = max(1, len(prepared.samples) // SENSITIVITY_BATCHES)
        spread = prepared.samples[::step][:SENSITIVITY_BATCHES]
        return spread or (next(iter(self._tools.read(self._job.recipe.batch_size))),)

    def attempt(self, candidate: Candidate) -> Made:
        """Make and measure a candidate."""
        tools = self._tools
        prepared = self._prepare(candidate.recipe)
        quantized = lower_prepared(prepared, tools.read, candidate.recipe, tools.progress)
        tools.progress("measure", 0, 0)
        made = Made(quantized, tools.measure(quantized.graph))
        self._trials.append(self._trial(candidate, made))
        return made

    def told(self, tried: Attempt[Made], best: Attempt[Made]) -> None:
        """Say what the last candidate came to, and what is the best so far."""
        is_best = tried is best
        rest = "the best so far" if is_best else f"the best so far is {best.candidate.name}"
        self._tools.note(f"{trial_line(self._trials[-1])}: {rest}")

    def _prepare(self, recipe: Recipe) -> Prepared:
        key = recipe.equalize_strength  # the only one of its settings that candidates differ in
        if key not in self._prepared:
            tools = self._tools
            made = prepare(self._graph, tools.read, recipe, tools.progress, tools.cache)
            self._prepared[key] = made
        return self._prepared[key]

    def _trial(self, candidate: Candidate, made: Made) -> Trial:
        graph, evaluation = made.quantized.graph, made.evaluation
        drop = drop_of(evaluation)
        return Trial(
            name=candidate.name,
            int16_layers=candidate.recipe.int16_layers,
            float_layers=candidate.recipe.float_layers,
            drop=drop if drop is not None and math.isfinite(drop) else None,
            flips=flips_of(evaluation),
            logits_sqnr_db=evaluation.logits_sqnr_db,
            onnx_bytes=len(emit_qdq_onnx(graph)),
            tflite_bytes=len(emit_tflite(graph)),
            meets=not excess(self._job.budget, evaluation),
        )

    def report(self, found: Found[Made]) -> SearchReport:
        """Return all that was tried."""
        return SearchReport(
            max_drop=self._job.budget.max_drop,
            max_flips=self._job.budget.max_flips,
            chosen=found.best.candidate.name,
            reason=found.reason,
            trials=tuple(self._trials),
            sensitivity=tuple(
                RankedLayer(given_name(layer.name), layer.error) for layer in self._ranked
            ),
        )


def trial_line(trial: Trial) -> str:
    """Return what is said of a candidate while the search goes on."""
    drop = "" if trial.drop is None else f", drop {trial.drop:.3f}"
    flips = "" if trial.flips is None else f", {100 * trial.flips:.2f} % changed"
    meets = ", within the budget" if trial.meets else ""
    return f"{trial.name}{drop}{flips}, {trial.tflite_bytes:,} bytes{meets}"
