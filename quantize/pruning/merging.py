"""What a channel that goes had to say, told by those that stay: a least-squares fit on samples.

Source: He et al., "Channel Pruning for Accelerating Very Deep Neural Networks" (2017), least
squares on feature maps; Kim et al., "Neuron Merging" (2020), the fit folded into the next layer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from quantize.accuracy.rounding import cholesky

PIXELS_PER_SAMPLE = 16  # neighbours say almost the same
_DAMPING = 1e-3  # of the mean power: few samples are not believed to the last digit

_Floats: TypeAlias = npt.NDArray[np.float64]
Batch: TypeAlias = Mapping[str, npt.NDArray[np.float32]]
Runner: TypeAlias = Callable[[Batch], Mapping[str, npt.NDArray[np.float32]]]


def channel_moments(
    batches: Iterable[Batch], run: Runner, names: Sequence[str]
) -> dict[str, _Floats]:
    """Return the mean of x x^T over pixels of each tensor, (C + 1, C + 1); the last x is 1.

    Args:
        batches: Samples by input name.
        run: Gives the tensors, (N, ..., C) by name.
        names: Of the tensors.
    """
    sums: dict[str, _Floats] = {}
    counts = dict.fromkeys(names, 0)
    for batch in batches if names else ():
        found = run(batch)
        for name in names:
            rows = _pixels(found[name])
            second = np.einsum("pc,pd->cd", rows, rows)  # no BLAS: the same with any threads
            sums[name] = sums[name] + second if name in sums else second
            counts[name] += len(rows)
    return {name: total / counts[name] for name, total in sums.items()}


def fit_gone(moments: _Floats, kept: npt.NDArray[np.int64], *, with_mean: bool) -> _Floats:
    """Return A, (gone, kept + 1): gone = A [kept, 1] in the least squares; without mean A[-1] is 0.

    Args:
        moments: By `channel_moments`.
        kept: Indices of the channels that stay.
        with_mean: False where the reader pads: its padded cells have no mean.
    """
    channels = len(moments) - 1
    gone = np.setdiff1d(np.arange(channels), kept)
    basis = np.append(kept, channels) if with_mean else kept
    gram = moments[np.ix_(basis, basis)]
    damping = max(_DAMPING * float(np.diagonal(gram).mean()), np.finfo(np.float64).tiny)
    solved = _solve(gram + damping * np.eye(len(basis)), moments[np.ix_(basis, gone)]).T
    return solved if with_mean else np.pad(solved, ((0, 0), (0, 1)))


def _pixels(values: npt.NDArray[np.float32]) -> _Floats:
    """Return (P, C + 1): evenly spread pixels of each sample, with 1 behind."""
    rows = values.reshape(len(values), -1, values.shape[-1])
    chosen = np.unique(np.linspace(0, rows.shape[1] - 1, PIXELS_PER_SAMPLE).astype(np.int64))
    picked = rows[:, chosen].reshape(-1, values.shape[-1]).astype(np.float64)
    return np.pad(picked, ((0, 0), (0, 1)), constant_values=1.0)


def _solve(gram: _Floats, right: _Floats) -> _Floats:
    """Return X with gram X = right, by R^T R = gram and elementwise loops."""
    triangle, result = cholesky(gram), right.copy()
    for k in range(len(gram)):
        result[k] /= triangle[k, k]
        result[k + 1 :] -= triangle[k, k + 1 :, None] * result[k]
    for k in range(len(gram) - 1, -1, -1):
        result[k] /= triangle[k, k]
        result[:k] -= triangle[:k, k, None] * result[k]
    return result
