"""A job's integers: from its data, without any, by a search; its calibration in parts."""

from collections.abc import Iterator
from dataclasses import replace

from quantize.answering import float_answers, integer_answers, with_threshold
from quantize.budget_search import Note, Searched, Tools, search_integers
from quantize.calibrate.cache import CalibrationCache
from quantize.calibrate.dataset import Batch, Dataset, Reader
from quantize.calibrate.expected import behind_clamps
from quantize.emit.tflite_int8 import emit_tflite
from quantize.errors import DataError, MissingShardsError
from quantize.integers import Quantized, fill_cache, no_progress, quantize_graph
from quantize.ir.graph import FloatGraph, IntGraph
from quantize.job import Job, JobData, open_job_data
from quantize.load.loaded import LoadedModel
from quantize.load.open import OpenedModel, open_float_model
from quantize.measure import Watch
from quantize.packing import Made
from quantize.passes.separate_outputs import separate_outputs
from quantize.passes.simplify import simplify
from quantize.passes.split_layers import split_layers
from quantize.recipe import WeightRounding
from quantize.report.evaluation import Evaluation, evaluate
from quantize.report.pruning import Pruning, model_size
from quantize.without_data import Unseen, data_free, quantize_unseen


def open_job_model(job: Job) -> tuple[OpenedModel, LoadedModel]:
    """Return the job's file and its float graph, in the form that is asked for."""
    opened, loaded = open_float_model(job.model)
    if job.recipe.separate_outputs:  # of the float model, too: both are compared part by part
        loaded = replace(loaded, graph=separate_outputs(loaded.graph))
    return opened, loaded


def quantize_job(
    job: Job, data: JobData, loaded: LoadedModel, watch: Watch, note: Note
) -> Searched:
    """Return the integers of the job's recipe, or those that a search under its budget ends with.

    The float model answers once; the integers of each candidate are evaluated beside it.
    """
    if not job.budget.is_limited:
        recipe = job.recipe if job.calibrate is not None else data_free(job.recipe)
        job = replace(job, recipe=recipe)
        return Searched(_quantize(job, loaded, data.calibration, watch), recipe, None)
    wanted = float_answers(data, loaded.graph)

    def measured(integers: IntGraph) -> Evaluation:
        asked = with_threshold(data, integers)
        return evaluate(asked.question, wanted, integer_answers(asked, integers))

    read, cache = _counted(data.calibration, watch), _cache_of(job, data.calibration)
    return search_integers(_simplified(job, loaded), job, Tools(read, measured, watch, note, cache))


def calibrate_part(job: Job, part: tuple[int, int], watch: Watch) -> str | None:
    """Compute a part of a job's calibration into its cache; return what is missing still, or None.

    Args:
        job: What would be done; only its model, calibration data, recipe and cache matter.
        part: (i, n), i from 0: every n-th shard.
        watch: Is told of every stage.

    Raises:
        QuantizeError: By cause.
    """
    watch("load", 0, 0)
    _, loaded = open_job_model(job)
    data = open_job_data(job, loaded).calibration
    cache = _cache_of(job, data, part)
    if cache is None:
        raise DataError("a part of a calibration needs a cache to be kept in")
    try:
        fill_cache(_simplified(job, loaded), _counted(data, watch), job.recipe, cache, watch)
    except MissingShardsError as missing:
        return str(missing)
    return None


def how_without_data(job: Job, loaded: LoadedModel) -> str | None:
    """Return how ranges came to be where no data was given."""
    if job.calibrate is not None:
        return None
    low, high = job.input_range
    told = len(loaded.statistics)
    return (
        f"no data: ranges expected from {told} batch normalizations, propagated for all other"
        f" tensors; inputs taken to lie in {low:g} to {high:g}"
    )


def pruned_of(job: Job, loaded: LoadedModel, data: Dataset, made: Made) -> Pruning | None:
    """Return what pruning saved: beside the whole model, quantized in the quickest way."""
    if job.recipe.prune_weights == job.recipe.prune_channels == 0.0:
        return None
    quickest = replace(
        job.recipe,
        prune_weights=0.0,
        prune_channels=0.0,
        search_samples=0,
        weight_rounding=WeightRounding.NEAREST,
        bias_correction=False,
    )
    whole = _quantize(replace(job, recipe=quickest), loaded, data, no_progress).graph
    return Pruning(model_size(whole, emit_tflite(whole)), model_size(made.graph, made.tflite))


def _quantize(job: Job, loaded: LoadedModel, data: Dataset, watch: Watch) -> Quantized:
    graph = _simplified(job, loaded)
    if job.calibrate is not None:
        read = _counted(data, watch)
        return quantize_graph(graph, read, job.recipe, watch, _cache_of(job, data))
    watch("expect", 0, 0)
    statistics = behind_clamps(loaded.graph, loaded.statistics)
    return quantize_unseen(graph, Unseen(job.input_range, statistics), job.recipe)


def _simplified(job: Job, loaded: LoadedModel) -> FloatGraph:
    graph = simplify(loaded.graph)
    return split_layers(graph) if job.recipe.split_layers else graph


def _cache_of(job: Job, data: Dataset, part: tuple[int, int] = (0, 1)) -> CalibrationCache | None:
    return None if job.cache is None else CalibrationCache(job.cache, data.sha256, part)


def _counted(dataset: Dataset, watch: Watch) -> Reader:
    """Return a reader of the data that tells how many samples were read."""

    def read(size: int) -> Iterator[Batch]:
        done = 0
        for batch in dataset.read(size):
            yield batch
            done += len(next(iter(batch.values())))
            watch("", done, dataset.samples)

    return read
