"""Rounding with compensation: each weight's rounding error is made up for by those still to round.

A channel's weights w meet patches x with covariance H; the output's error is (w - q) H (w - q).
With H = R^T R this is a search for a near lattice point; Babai's nearest plane does it greedily,
from the last weight to the first. The loops are elementwise on purpose: no BLAS, so no number of
threads changes a bit.

Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers" (2022); that it is Babai's algorithm: Chen et al., "The Geometry of LLM Quantization"
(2025).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

WEIGHT_MAX = 127
LARGEST_K = 1024  # the factorisation costs K**3; larger ones are rounded to the nearest
_DAMPING = 0.01  # of the mean variance: what few samples say is not believed to the last digit

_Floats: TypeAlias = npt.NDArray[np.float64]


def round_with_compensation(exact: _Floats, matrix: _Floats) -> npt.NDArray[np.int8]:
    """Return (O, K) int8 codes whose output error is small, channel by channel.

    Args:
        exact: (O, K) weights in units of their scales.
        matrix: (K, K) covariance, or second moment, of the patches that these channels see.
    """
    order = np.argsort(np.diagonal(matrix), kind="stable")  # the loudest weight is rounded first
    triangle = _cholesky(_damped(matrix[np.ix_(order, order)]))
    ratios = triangle / np.diagonal(triangle)[:, None]
    target, codes = exact[:, order], np.empty_like(exact)
    errors = target.copy()
    for k in range(target.shape[1] - 1, -1, -1):
        codes[:, k] = np.clip(np.rint(target[:, k]), -WEIGHT_MAX, WEIGHT_MAX)
        errors[:, k] -= codes[:, k]
        target[:, :k] += errors[:, k, None] * ratios[:k, k]
    result = np.empty(codes.shape, np.int8)
    result[:, order] = codes.astype(np.int8)
    return result


def _damped(covariance: _Floats) -> _Floats:
    variance = np.diagonal(covariance)
    damping = max(_DAMPING * float(variance.mean()), np.finfo(np.float64).tiny)
    return np.asarray(covariance + damping * np.eye(len(variance)))


def _cholesky(matrix: _Floats) -> _Floats:
    """Return the upper triangular R with R^T R = matrix, which is positive definite."""
    rest, triangle = matrix.copy(), np.zeros_like(matrix)
    for k in range(len(rest)):
        row = rest[k, k:] / np.sqrt(rest[k, k])
        triangle[k, k:] = row
        rest[k + 1 :, k + 1 :] -= row[1:, None] * row[1:]
    return triangle
