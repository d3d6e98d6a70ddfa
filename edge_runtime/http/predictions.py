"""Our own interface: an image or samples in, and out what the daemon would publish of them."""

from typing import Any

import msgspec
import numpy.typing as npt
from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from edge_runtime.http.answer import ANSWER_SCHEMA, AnswerPayload
from edge_runtime.http.bodies import expect_json, image_body, json_body, numbers, threshold_of
from edge_runtime.http.house import House
from edge_runtime.http.replies import reply
from edge_runtime.http.served import Served
from edge_runtime.payloads import Result, StageMsPart
from edge_runtime.records import Outcome
from edge_runtime.results import results_of

_IMAGES = "image/jpeg, image/png, image/bmp and a form with one file"


class SamplesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a prediction of samples.

    Attributes:
        values: (T, C) as the model's front end takes them, or a ready tensor.
    """

    values: list[Any]


def predictions(house: House) -> Blueprint:
    """Return the routes below /models."""
    routes = Blueprint("predictions", __name__)

    @routes.get("/models")
    def index() -> Response:
        return reply({"models": [_described(served) for served in house]})

    @routes.get("/models/<name>")
    def one(name: str) -> Response:
        return reply(_described(house.find(name)))

    @routes.post("/models/<name>/predictions")
    def predict(name: str) -> Response:
        served = house.find(name)
        threshold = threshold_of(request)
        with served.turn() as turn:
            values = _image() if served.takes_images else _samples()
            outcome = turn.predict(values, threshold)
        size = (values.shape[1], values.shape[0]) if served.takes_images else None
        return reply(_answer(served, outcome, size))

    return routes


def _image() -> npt.NDArray[Any]:
    image = image_body(request)
    if image is None:
        said = request.mimetype or "missing"
        raise UnsupportedMediaType(f"content type {said}, allowed are {_IMAGES}")
    return image


def _samples() -> npt.NDArray[Any]:
    expect_json(request, "application/json")
    return numbers(json_body(request, SamplesRequest).values, "values")


def _answer(
    served: Served, outcome: Outcome, size: tuple[int, int] | None
) -> AnswerPayload[Result]:
    kind, results = results_of(outcome.decoded, served.unit)
    times = outcome.times
    milliseconds = StageMsPart(
        pre=round(times.preprocess_ms, 3),
        infer=round(times.infer_ms, 3),
        post=round(times.decode_ms, 3),
    )
    return AnswerPayload(
        schema=ANSWER_SCHEMA,
        model=served.part,
        ms=milliseconds,
        kind=kind,
        results=results,
        size=size,
    )


def _described(served: Served) -> dict[str, Any]:
    manifest = served.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "task": manifest.task,
        "takes": "image" if served.takes_images else "samples",
        "shape": manifest.inputs[0].shape,
        "labels": manifest.labels,
        "model": served.part,
    }
