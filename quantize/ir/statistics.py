"""What a model file says of its own activations."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStatistics:
    """Mean and standard deviation of each channel (last axis) of a tensor, (C,) each."""

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
