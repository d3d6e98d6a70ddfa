"""The REST interface of TensorFlow Serving, so that its clients need no change.

Source: tensorflow.org/tfx/serving/api_rest.
"""

import base64
import binascii
from typing import Any

import msgspec
import numpy as np
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from edge_runtime.engines.protocol import FloatArray
from edge_runtime.http.bodies import MAX_BATCH, batch_of, json_body, numbers
from edge_runtime.http.house import House
from edge_runtime.http.replies import reply
from edge_runtime.http.served import Served
from edge_runtime.preprocess import to_tensor
from edge_runtime.sources.image_file import decode_image

SIGNATURE = "serving_default"
BYTES_KEY = "b64"


class PredictRequest(msgspec.Struct, frozen=True):
    """The body of `:predict`: rows in `instances`, or whole tensors in `inputs`."""

    instances: list[Any] | None = None
    inputs: Any = None
    signature_name: str = SIGNATURE


def tensorflow_serving(house: House) -> Blueprint:
    """Return the routes below /v1."""
    routes = Blueprint("tensorflow_serving", __name__, url_prefix="/v1")

    @routes.get("/models/<name>")
    @routes.get("/models/<name>/versions/<version>")
    def status(name: str, version: str | None = None) -> Response:
        number = str(house.find(name, version).manifest.version)
        fine = {"error_code": "OK", "error_message": ""}
        state = {"version": number, "state": "AVAILABLE", "status": fine}
        return reply({"model_version_status": [state]})

    @routes.get("/models/<name>/metadata")
    @routes.get("/models/<name>/versions/<version>/metadata")
    def metadata(name: str, version: str | None = None) -> Response:
        return reply(_metadata(house.find(name, version)))

    @routes.post("/models/<name>:predict")
    @routes.post("/models/<name>/versions/<version>:predict")
    def predict(name: str, version: str | None = None) -> Response:
        served = house.find(name, version)
        with served.turn() as turn:
            asked = _asked()
            if asked.instances is not None:
                outputs = turn.infer(_from_rows(asked.instances, served))
            else:
                outputs = turn.infer(_from_columns(asked.inputs, served))
        if asked.instances is not None:
            return reply({"predictions": _rows(outputs)})
        return reply({"outputs": _columns(outputs)})

    return routes


def _asked() -> PredictRequest:
    """Return the body, which has either instances or inputs."""
    asked = json_body(request, PredictRequest)
    if asked.signature_name != SIGNATURE:
        raise BadRequest(f"signature_name {asked.signature_name!r}, allowed is {SIGNATURE!r}")
    if (asked.instances is None) == (asked.inputs is None):
        raise BadRequest("body: exactly one of instances and inputs is needed")
    return asked


def _metadata(served: Served) -> dict[str, Any]:
    manifest = served.manifest
    signature = {
        role: {
            spec.name: {
                "dtype": "DT_FLOAT",
                "tensor_shape": {"dim": [{"size": str(d)} for d in (-1, *spec.shape[1:])]},
                "name": spec.name,
            }
            for spec in specs
        }
        for role, specs in (("inputs", manifest.inputs), ("outputs", manifest.outputs))
    }
    return {
        "model_spec": {"name": manifest.name, "version": str(manifest.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _from_rows(instances: list[Any], served: Served) -> FloatArray:
    """Return the tensors of instances, of which each is a tensor, {input: tensor} or an image."""
    if not 1 <= len(instances) <= MAX_BATCH:
        raise BadRequest(f"instances: {len(instances)} at once, allowed are 1 to {MAX_BATCH}")
    values = [_named(instance, served, f"instances[{i}]") for i, instance in enumerate(instances)]
    if any(_is_bytes(value) for value in values):
        pixels = [_image(value, served, f"instances[{i}]") for i, value in enumerate(values)]
        return np.concatenate(pixels)
    spec = served.manifest.inputs[0]
    return batch_of(numbers(values, "instances"), spec.shape, "instances")


def _from_columns(inputs: Any, served: Served) -> FloatArray:
    spec = served.manifest.inputs[0]
    values = numbers(_named(inputs, served, "inputs"), "inputs")
    return batch_of(values, spec.shape, "inputs")


def _named(value: Any, served: Served, where: str) -> Any:
    """Return what {input: value} holds; a value without a name is the only input's."""
    if not isinstance(value, dict) or _is_bytes(value):
        return value
    name = served.manifest.inputs[0].name
    if list(value) != [name]:
        raise BadRequest(f"{where}: inputs {list(value)}, allowed is [{name!r}]")
    return value[name]


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == [BYTES_KEY]


def _image(value: Any, served: Served, where: str) -> FloatArray:
    """Return {"b64": ...} as the model's input, preprocessed as the daemon does."""
    if not served.takes_images or not _is_bytes(value) or not isinstance(value[BYTES_KEY], str):
        what = "an image as every instance" if served.takes_images else "numbers"
        raise BadRequest(f"{where}: this model takes {what}")
    try:
        data = base64.b64decode(value[BYTES_KEY], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"{where}: not base64") from error
    manifest = served.manifest
    return to_tensor(decode_image(data), manifest.preprocessing, manifest.inputs[0].shape)


def _rows(outputs: dict[str, FloatArray]) -> list[Any]:
    """Return one entry per instance: the only output's values, or {output: values}."""
    columns = {name: values.tolist() for name, values in outputs.items()}
    if len(columns) == 1:
        (only,) = columns.values()
        return list(only)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _columns(outputs: dict[str, FloatArray]) -> Any:
    if len(outputs) == 1:
        (only,) = outputs.values()
        return only.tolist()
    return {name: values.tolist() for name, values in outputs.items()}
