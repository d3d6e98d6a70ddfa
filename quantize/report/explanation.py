"""Why the integers are as good as they are: errors by cause, ranges, costs, proofs and remedies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quantize.ir.graph import Array, FloatGraph, IntGraph
from quantize.recipe import Recipe
from quantize.report.activations import Activation, Counts, activations
from quantize.report.causes import CauseModel, LayerCauses, effects, split_by_cause
from quantize.report.costs import LayerBytes, layer_bytes
from quantize.report.importance import Importance
from quantize.report.occlusion import OcclusionMap
from quantize.report.proofs import LayerProof, prove
from quantize.report.remedies import Remedy, Situation, remedies

BATCH_SIZE = 4  # every tensor of so many samples is in memory several times
EFFECT_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Explanation:
    """What explains the result, layer by layer.

    Attributes:
        causes: Error of each tensor by cause.
        activations: What calibration saw of each tensor, and its range.
        costs: Of each operation of the integers.
        proofs: What holds for every input.
        remedies: What to try, the best first.
        occlusion: Where both models look, for a few pictures.
        importance: Of each column, for tables.
    """

    causes: tuple[LayerCauses, ...]
    activations: tuple[Activation, ...]
    costs: tuple[LayerBytes, ...]
    proofs: tuple[LayerProof, ...]
    remedies: tuple[Remedy, ...]
    occlusion: tuple[OcclusionMap, ...] = ()
    importance: tuple[Importance, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What an explanation is made of.

    Attributes:
        reference: The float graph that was lowered.
        graph: The integers.
        recipe: How they were made.
        samples: A few (N, ...) by input name.
        histograms: What calibration saw, by tensor.
        methods: How each range was found, by tensor.
        logits_sqnr_db: Of the integers.
    """

    reference: FloatGraph
    graph: IntGraph
    recipe: Recipe
    samples: Mapping[str, Array]
    histograms: Mapping[str, Counts]
    methods: Mapping[str, str]
    logits_sqnr_db: float | None


def explain(evidence: Evidence) -> Explanation:
    """Return why the integers are as good as they are."""
    model = CauseModel(evidence.reference, evidence.graph)
    causes = split_by_cause(model, _batches(evidence.samples, BATCH_SIZE))
    batch = next(_batches(evidence.samples, EFFECT_SAMPLES))
    seen = activations(evidence.histograms, evidence.graph, evidence.methods)
    situation = Situation(
        recipe=evidence.recipe,
        graph=evidence.graph,
        activations={activation.name: activation for activation in seen},
        effects=effects(model, causes, batch, evidence.logits_sqnr_db),
    )
    return Explanation(
        causes=causes,
        activations=seen,
        costs=layer_bytes(evidence.graph),
        proofs=prove(evidence.graph),
        remedies=remedies(situation),
    )


def _batches(samples: Mapping[str, Array], size: int) -> Iterator[dict[str, Array]]:
    for start in range(0, len(next(iter(samples.values()))), size):
        yield {name: values[start : start + size] for name, values in samples.items()}
