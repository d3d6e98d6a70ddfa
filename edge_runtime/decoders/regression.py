"""Raw outputs of a regression to the target's unit."""

import numpy as np
import numpy.typing as npt

from edge_runtime.decoders.specs import (
    RegressionDecoder,
)
from edge_runtime.errors import FrameError
from edge_runtime.records import Regression


def decode_values(raw: npt.NDArray[np.float32], decoder: RegressionDecoder) -> Regression:
    """Return one number per declared name: raw * scale + offset.

    Raises:
        FrameError: Another number of outputs than names, or a value that is no number.
    """
    flat = raw.ravel().astype(np.float64)
    if flat.size != len(decoder.names):
        raise FrameError(
            f"output {decoder.output!r}: {flat.size} values, {len(decoder.names)} names"
        )
    if not np.isfinite(flat).all():
        raise FrameError(f"output {decoder.output!r}: NaN or infinity")
    values = (flat * decoder.scale + decoder.offset).tolist()
    return Regression(tuple(zip(decoder.names, values, strict=True)))
