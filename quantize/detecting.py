"""What a detector's outputs mean beside the truth, by the decoders that run on the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.decoders.decode import detection_of
from edge_runtime.decoders.specs import DetectionDecoder
from edge_runtime.errors import FrameError
from edge_runtime.manifest import ImageInput
from edge_runtime.placement import place
from edge_runtime.records import Detected
from quantize.calibrate.boxes import TrueBoxes
from quantize.errors import DataError
from quantize.ir.graph import Array
from quantize.report.detection import Detections, Graded, grade


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """How boxes come out of a model, and which there should be.

    Attributes:
        decoder: The bundle's; only what reaches its threshold is counted, as on the device.
        image: What the device does to a frame.
        truth: Of each sample.
    """

    decoder: DetectionDecoder
    image: ImageInput
    truth: Sequence[TrueBoxes]

    def graded(self, outputs: Mapping[str, Array], start: int) -> list[Graded]:
        """Return how right the boxes of a batch are.

        Args:
            outputs: (N, ...) float32, of all that the decoder reads, by name.
            start: Which sample the first one is.

        Raises:
            DataError: The model gives boxes that are no numbers.
        """
        count = len(next(iter(outputs.values())))
        return [self._graded(_one(outputs, row), start + row) for row in range(count)]

    def _graded(self, outputs: Mapping[str, Array], sample: int) -> Graded:
        known = self.truth[sample]
        placement = place(self.image, known.size_px)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is refused
                found = detection_of(
                    outputs, self.decoder, self.image, self.decoder.threshold, placement
                )
        except FrameError as error:
            raise DataError(f"sample {sample}: {error}") from error
        return grade(_detections(found), Detections(known.boxes, known.classes))


def as_objects(values: Sequence[object]) -> Array:
    """Return (N,) objects, to be taken by rows as other samples are."""
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects


def _one(outputs: Mapping[str, Array], row: int) -> dict[str, Array]:
    return {name: values[row : row + 1] for name, values in outputs.items()}


def _detections(found: Sequence[Detected]) -> Detections:
    return Detections(
        boxes=np.array([one.box for one in found], np.float64).reshape(-1, 4),
        classes=np.array([one.index for one in found], np.int64),
        scores=np.array([one.score for one in found], np.float64),
    )
