"""Puts the chain of a pipeline together; refuses what its models cannot do."""

from edge_runtime.cascade import Step
from edge_runtime.config.structs import PipelineConfig
from edge_runtime.config.vision import (
    GateConfig,
    ModelGateConfig,
    MotionGateConfig,
    StageConfig,
    ZoneConfig,
)
from edge_runtime.placement import WHOLE
from edge_runtime.regions import View, Zone, rectangle
from edge_runtime.suitability import check_suits
from edge_runtime.worker.average import Average
from edge_runtime.worker.chain import Chain
from edge_runtime.worker.gates import Gate, Hold, ModelGate, MotionGate
from edge_runtime.worker.models import Models, OpenModel
from edge_runtime.worker.tracker import Tracker


def make_chain(config: PipelineConfig, models: Models, first_number: int) -> Chain:
    """Return the chain, its state fresh.

    Args:
        config: The pipeline's.
        models: Its models, loaded.
        first_number: Of the first object that is followed.

    Raises:
        ConfigError: The configuration asks for what one of the models cannot do.
    """
    further = tuple(opened.model.manifest for opened in models.further)
    check_suits(config, models.own.model.manifest, further)
    gates, stages = config.gate, config.stage
    asked = sum(isinstance(gate, ModelGateConfig) for gate in gates)
    of_gates, of_stages = iter(models.further[:asked]), models.further[asked:]
    roi = config.roi or WHOLE
    return Chain(
        model=models.own.model,
        view=View(
            roi=roi,
            labels=config.labels,
            zones=tuple(_zone(zone) for zone in config.zone),
            only_in_zones=config.only_in_zones,
        ),
        gates=tuple(
            MotionGate(gate, roi)
            if isinstance(gate, MotionGateConfig)
            else _model_gate(gate, next(of_gates), config)
            for gate in gates
        ),
        average=None if config.average == 1 else Average(config.average),
        tracker=None if config.track is None else Tracker(config.track, first_number),
        steps=tuple(_step(s, opened) for s, opened in zip(stages, of_stages, strict=True)),
    )


def _zone(config: ZoneConfig) -> Zone:
    polygon = config.polygon or rectangle(config.box or WHOLE)
    return Zone(config.name, polygon, config.labels, config.at, config.hides)


def _model_gate(config: GateConfig, opened: OpenModel, pipeline: PipelineConfig) -> Gate:
    labels = config.labels if isinstance(config, ModelGateConfig) else ()
    hold = Hold(config.hold_s, config.refresh_s)
    return ModelGate(opened.model, opened.threshold, labels, pipeline.roi or WHOLE, hold)


def _step(config: StageConfig, opened: OpenModel) -> Step:
    return Step(
        name=config.name,
        model=opened.model,
        threshold=opened.threshold,
        on=config.on,
        of=config.of,
        labels=config.labels,
        margin=config.margin,
        max_objects=config.max_objects,
    )
