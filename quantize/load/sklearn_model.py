"""Estimators of scikit-learn, by way of the ONNX that skl2onnx writes for them."""

import warnings
from dataclasses import replace
from typing import Any

from quantize.errors import ModelError
from quantize.load.loaded import LoadedModel
from quantize.load.onnx_model import load_onnx

INPUT_NAME = "features"


def load_sklearn(estimator: Any, n_features: int, name: str) -> LoadedModel:
    """Return the float graph of a fitted estimator or pipeline that reads (N, n_features) float32.

    Raises:
        ModelError: skl2onnx is missing or cannot convert the estimator, for instance unfitted.
        UnsupportedModelError: It converts, but uses what we do not support; all of it is named.
    """
    try:
        import skl2onnx  # noqa: PLC0415  # an extra; who brings no estimator needs it not
        from skl2onnx.common.data_types import FloatTensorType  # noqa: PLC0415
    except ImportError as error:
        raise ModelError(
            f"{name}: reading scikit-learn needs skl2onnx: pip install edge-runtime[sklearn]"
        ) from error
    inputs = [(INPUT_NAME, FloatTensorType([None, n_features]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # skl2onnx speaks of its own internals
            model = skl2onnx.to_onnx(estimator, initial_types=inputs)
    except Exception as error:  # skl2onnx lets through whatever the estimator raises
        raise ModelError(f"{name}: skl2onnx cannot convert it: {_line(error)}") from error
    loaded = load_onnx(model.SerializeToString(), name)
    return replace(loaded, task_hint=loaded.task_hint or _task(estimator))


def _task(estimator: Any) -> str | None:
    """Return what scikit-learn itself says that the estimator is for."""
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415  # as above

    if is_classifier(estimator):
        return "classification"
    return "regression" if is_regressor(estimator) else None


def _line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
