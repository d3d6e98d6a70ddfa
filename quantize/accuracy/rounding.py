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
_SWEEPS = 20
_DAMPING = 0.01  # of the mean variance: what few samples say is not believed to the last digit

_Floats: TypeAlias = npt.NDArray[np.float64]


def round_with_compensation(
    exact: _Floats, matrix: _Floats, zeros: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.int8]:
    """Return (O, K) int8 codes whose output error is small, channel by channel.

    Args:
        exact: (O, K) weights in units of their scales.
        matrix: (K, K) covariance, or second moment, of the patches that these channels see.
        zeros: (O, K), which codes are 0 whatever their weight is; the others make up for it.
    """
    if zeros is None:
        zeros = np.zeros(exact.shape, np.bool_)
    if zeros.any():
        exact = _settled(exact, damped(matrix), zeros)
    order = np.argsort(np.diagonal(matrix), kind="stable")  # the loudest weight is rounded first
    triangle = cholesky(damped(matrix[np.ix_(order, order)]))
    ratios = triangle / np.diagonal(triangle)[:, None]
    target, codes = exact[:, order], np.empty_like(exact)
    errors, is_free = target.copy(), ~zeros[:, order]
    for k in range(target.shape[1] - 1, -1, -1):
        codes[:, k] = np.clip(np.rint(target[:, k]), -WEIGHT_MAX, WEIGHT_MAX) * is_free[:, k]
        errors[:, k] -= codes[:, k]
        target[:, :k] += errors[:, k, None] * ratios[:k, k]
    result = np.empty(codes.shape, np.int8)
    result[:, order] = codes.astype(np.int8)
    return result


def _settled(exact: _Floats, matrix: _Floats, zeros: npt.NDArray[np.bool_]) -> _Floats:
    """Return the weights, some of them 0, whose output error is least before any is rounded.

    Gauss-Seidel, a weight of all channels at a time. What is left of the error's slope is 0 along
    every weight that stays, so that rounding may start from here.
    """
    settled = np.where(zeros, 0.0, exact)
    slopes = np.einsum("ok,kl->ol", settled - exact, matrix)
    for _ in range(_SWEEPS):
        for k in range(len(matrix)):
            step = np.where(zeros[:, k], 0.0, slopes[:, k] / matrix[k, k])
            settled[:, k] -= step
            slopes -= step[:, None] * matrix[k]
    return settled


def damped(covariance: _Floats) -> _Floats:
    """Return the matrix with a bit of its mean variance added, which few samples cannot tell."""
    variance = np.diagonal(covariance)
    damping = max(_DAMPING * float(variance.mean()), np.finfo(np.float64).tiny)
    return np.asarray(covariance + damping * np.eye(len(variance)))


def cholesky(matrix: _Floats) -> _Floats:
    """Return the upper triangular R with R^T R = matrix, which is positive definite."""
    rest, triangle = matrix.copy(), np.zeros_like(matrix)
    for k in range(len(rest)):
        row = rest[k, k:] / np.sqrt(rest[k, k])
        triangle[k, k:] = row
        rest[k + 1 :, k + 1 :] -= row[1:, None] * row[1:]
    return triangle
