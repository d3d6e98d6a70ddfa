"""A model behind HTTP: opened and tested as the daemon does, copied for as many as ask at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.config.vision import ModelConfig
from edge_runtime.engines.batches import run_all
from edge_runtime.engines.protocol import FloatArray
from edge_runtime.http.bodies import MAX_BATCH
from edge_runtime.http.seats import Seats
from edge_runtime.manifest import Manifest
from edge_runtime.models.signature import ModelKey
from edge_runtime.payloads import ModelPart
from edge_runtime.pipeline import Model, run_model
from edge_runtime.records import Outcome
from edge_runtime.worker.models import OpenModel, open_model


@dataclass(frozen=True, slots=True)
class Places:
    """How many may ask at once.

    Attributes:
        copies: Of the engine; each computes for one request at a time.
        waiting: Requests that may wait for one.
        patience_s: The longest that they wait.
    """

    copies: int = 1
    waiting: int = 16
    patience_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One request's time with a copy of the model."""

    model: Model
    threshold: float

    def predict(self, values: npt.NDArray[Any], threshold: float | None) -> Outcome:
        """Return what the model says of an image or of samples, decoded.

        Args:
            values: As `edge_runtime.preprocess.to_tensor` takes them.
            threshold: None: the bundle's own.

        Raises:
            FrameError: The values, or what the model made of them, cannot be used.
            EngineError: The engine failed.
        """
        return run_model(values, self.model, self.threshold if threshold is None else threshold)

    def infer(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Return the model's outputs, each (N, ...), of tensors (N, ...).

        Raises:
            EngineError: The engine failed.
        """
        manifest, engine = self.model.manifest, self.model.engine
        name = manifest.inputs[0].name
        samples = [{name: batch[i : i + 1]} for i in range(len(batch))]
        answers = run_all(engine, samples, self.model.at_once)
        outputs = (spec.name for spec in manifest.outputs)
        return {output: np.concatenate([a[output] for a in answers]) for output in outputs}


class Served:
    """One model, used by many threads."""

    def __init__(self, opened: Sequence[OpenModel], places: Places) -> None:
        """Take the copies of one model, at least one."""
        self._opened = opened[0]
        models = [copy.model for copy in opened]
        self._seats: Seats[Model] = Seats(models, places.waiting, places.patience_s)

    @property
    def manifest(self) -> Manifest:
        """Return what the bundle says."""
        return self._opened.model.manifest

    @property
    def part(self) -> ModelPart:
        """Return how payloads name it."""
        return self._opened.part

    @property
    def unit(self) -> str:
        """Return the unit of a regression's values, "" of anything else."""
        return self._opened.unit

    @property
    def takes_images(self) -> bool:
        """Return whether its input is an image."""
        return self._opened.model.takes_images

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Hold a copy of the model, for a request from reading its body to its outcome.

        A small body may decode to very much: who waits holds it as it was sent.

        Raises:
            ServiceUnavailable: Too many ask at once.
        """
        with self._seats.take() as model:
            yield Turn(model, self._opened.threshold)


def serve_bundle(
    bundle: Path, config: ModelConfig, places: Places, key: ModelKey | None = None
) -> Served:
    """Return a bundle's model, each copy loaded and tested on its engine.

    Raises:
        BundleError: Incomplete, changed, not signed by the key, not for this program, or it fails
            its self-test.
        EngineError: No engine for it, or the engine refuses it.
    """
    copies = [open_model(config, bundle, key, MAX_BATCH) for _ in range(places.copies)]
    return Served(copies, places)
