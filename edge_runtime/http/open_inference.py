"""The Open Inference Protocol 2 with JSON tensors: what KServe, Triton and their clients speak.

Source: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from edge_runtime._version import __version__
from edge_runtime.engines.protocol import FloatArray, dequantize
from edge_runtime.http.bodies import batch_of, json_body, numbers
from edge_runtime.http.house import House
from edge_runtime.http.replies import reply
from edge_runtime.http.traffic import Traffic
from edge_runtime.manifest import TensorSpec

REAL, CODES = "FP32", "INT8"


class _Input(msgspec.Struct, frozen=True):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class _Wanted(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True):
    """The body of `infer`."""

    inputs: tuple[_Input, ...]
    id: str | None = None
    outputs: tuple[_Wanted, ...] = ()
    parameters: dict[str, Any] = {}


def open_inference(house: House, traffic: Traffic) -> Blueprint:
    """Return the routes below /v2."""
    routes = Blueprint("open_inference", __name__, url_prefix="/v2")

    @routes.get("")
    def server() -> Response:
        return reply({"name": "edge-runtime", "version": __version__, "extensions": []})

    @routes.get("/health/live")
    def live() -> Response:
        return reply({"live": True})

    @routes.get("/health/ready")
    def ready() -> Response:
        return reply({"ready": not traffic.is_draining}, 503 if traffic.is_draining else 200)

    @routes.get("/models/<name>")
    @routes.get("/models/<name>/versions/<version>")
    def metadata(name: str, version: str | None = None) -> Response:
        manifest = house.find(name, version).manifest
        return reply(
            {
                "name": name,
                "versions": [str(manifest.version)],
                "platform": "edge-runtime",
                "inputs": [_described(spec) for spec in manifest.inputs],
                "outputs": [_described(spec) for spec in manifest.outputs],
            }
        )

    @routes.get("/models/<name>/ready")
    @routes.get("/models/<name>/versions/<version>/ready")
    def model_ready(name: str, version: str | None = None) -> Response:
        house.find(name, version)
        ready = not traffic.is_draining
        return reply({"name": name, "ready": ready}, 200 if ready else 503)

    @routes.post("/models/<name>/infer")
    @routes.post("/models/<name>/versions/<version>/infer")
    def infer(name: str, version: str | None = None) -> Response:
        served = house.find(name, version)
        if "Inference-Header-Content-Length" in request.headers:
            raise BadRequest("binary tensors are not taken, allowed is JSON")
        with served.turn() as turn:
            asked = json_body(request, InferRequest)
            wanted = _wanted(asked, served.manifest.outputs)
            outputs = turn.infer(_input(asked, served.manifest.inputs[0]))
        answer = {
            "model_name": name,
            "model_version": str(served.manifest.version),
            "outputs": [_output(output, outputs[output]) for output in wanted],
        }
        return reply(answer if asked.id is None else {**answer, "id": asked.id})

    return routes


def _described(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": REAL, "shape": [-1, *spec.shape[1:]]}


def _input(asked: InferRequest, spec: TensorSpec) -> FloatArray:
    """Return the request's only input as real values (N, ...)."""
    names = [given.name for given in asked.inputs]
    if names != [spec.name]:
        raise BadRequest(f"inputs: {names}, allowed is [{spec.name!r}]")
    given = asked.inputs[0]
    where = f"input {given.name!r}"
    values = numbers(given.data, where)
    values = batch_of(_shaped(values, given.shape, where), spec.shape, where)
    match given.datatype:
        case "FP32" | "FP64" | "FP16":
            return values
        case "INT8":
            return _real(values, spec, where)
        case _:
            allowed = f"{REAL} and {CODES} (the model's own codes)"
            raise BadRequest(f"{where}: datatype {given.datatype!r}, allowed are {allowed}")


def _shaped(values: FloatArray, shape: tuple[int, ...], where: str) -> FloatArray:
    """Return the numbers in the shape that the request says."""
    try:
        if min(shape, default=0) >= 0:  # numpy would take -1 as "whatever fits"
            return values.reshape(shape)
    except (ValueError, OverflowError):  # another count; more axes, or longer, than numpy has
        pass
    raise BadRequest(f"{where}: {values.size} numbers, shape {list(shape)}")


def _real(codes: FloatArray, spec: TensorSpec, where: str) -> FloatArray:
    """Return what the model's int8 codes mean."""
    if not ((codes == codes.round()) & (codes >= -128) & (codes <= 127)).all():
        raise BadRequest(f"{where}: allowed in INT8 are whole numbers from -128 to 127")
    return dequantize(codes.astype("int8"), spec.scale, spec.zero_point)


def _wanted(asked: InferRequest, outputs: tuple[TensorSpec, ...]) -> list[str]:
    """Return the names of the outputs to send: those asked for, else all."""
    known = [spec.name for spec in outputs]
    for output in asked.outputs:
        if output.name not in known:
            raise BadRequest(f"outputs: {output.name!r}, allowed are {known}")
    return [output.name for output in asked.outputs] or known


def _output(name: str, values: FloatArray) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": REAL,
        "shape": list(values.shape),
        "data": values.ravel().tolist(),
    }
