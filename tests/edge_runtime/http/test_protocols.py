"""What clients of the Open Inference Protocol and of TensorFlow Serving say, and are answered."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.config.vision import ModelConfig
from edge_runtime.http.app import make_app
from edge_runtime.http.bodies import MAX_BATCH
from edge_runtime.http.house import House, house_of
from edge_runtime.http.served import Places, Served, serve_bundle
from edge_runtime.http.traffic import Traffic
from edge_runtime.worker.models import open_model
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle
from tests.edge_runtime.engines.counting import Counting

pytestmark = pytest.mark.ort
TOTAL, DOOR = "/v2/models/total", "/v2/models/brightness"


def tensor(data: Any, shape: list[int], datatype: str = "FP32", name: str = "x") -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}


def test_the_server_and_a_model_describe_themselves(client: FlaskClient) -> None:
    server, model = client.get("/v2").json, client.get(TOTAL).json

    assert server is not None
    assert server["name"] == "edge-runtime"
    assert model == {
        "name": "total",
        "versions": ["1"],
        "platform": "edge-runtime",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 1]}],
    }


def test_a_batch_is_answered_in_its_order(client: FlaskClient) -> None:
    body = {**tensor([1.0, 2.0, 3.5, 4.0], [2, 2]), "id": "mine"}

    answer = client.post(f"{TOTAL}/infer", json=body)

    assert answer.json == {
        "model_name": "total",
        "model_version": "1",
        "id": "mine",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 1], "data": [3.0, 7.5]}],
    }


def test_a_batch_is_one_call_of_an_engine_that_takes_batches(tmp_path: Path) -> None:
    config = ModelConfig(model="total", engine="onnx")
    opened = open_model(config, sum_bundle(tmp_path), at_once=MAX_BATCH)
    engine = Counting(opened.model.engine)
    served = Served([replace(opened, model=replace(opened.model, engine=engine))], Places())
    values = [[n / 2, 1.0] for n in range(MAX_BATCH)]

    with served.turn() as turn:
        outputs = turn.infer(np.array(values, np.float32))

    assert engine.calls == [MAX_BATCH]
    assert outputs["y"].tolist() == [[n / 2 + 1.0] for n in range(MAX_BATCH)]


def test_nested_data_and_a_version_are_taken(client: FlaskClient) -> None:
    answer = client.post(f"{TOTAL}/versions/1/infer", json=tensor([[1.0, 2.0]], [1, 2]))

    assert answer.get_json()["outputs"][0]["data"] == [3.0]


def test_int8_means_the_model_s_own_codes(client: FlaskClient) -> None:
    answer = client.post(f"{TOTAL}/infer", json=tensor([2, 4], [1, 2], "INT8"))

    assert answer.get_json()["outputs"][0]["data"] == [3.0]  # a code is half a unit


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (tensor([1.0, 2.0], [1, 2], name="z"), "inputs: ['z'], allowed is ['x']"),
        (tensor([1.0, 2.0], [2, 2]), "input 'x': 2 numbers, shape [2, 2]"),
        (tensor([1.0], [1, 1]), "input 'x': shape [1, 1], allowed is [N, 2]"),
        (tensor([], [0, 2]), "input 'x': 0 at once, allowed are 1 to 64"),
        (tensor([1.0, 2.0], [-1, -2]), "input 'x': 2 numbers, shape [-1, -2]"),
        (tensor([1.0, 2.0], [1] * 69 + [2]), f"input 'x': 2 numbers, shape {[1] * 69 + [2]}"),
        (tensor([], [0, 2**70]), f"input 'x': 0 numbers, shape {[0, 2**70]}"),
        (tensor([], [0, 2**62, 8]), f"input 'x': 0 numbers, shape {[0, 2**62, 8]}"),
        (tensor(["a", "b"], [1, 2]), "input 'x': allowed are numbers"),
        (tensor([True, False], [1, 2]), "input 'x': allowed are numbers"),
        (tensor([1e39, 0.0], [1, 2]), "input 'x': a number that float32 cannot hold"),
        (tensor([[1.0], [2.0, 3.0]], [1, 2]), "input 'x': lists of different lengths"),
        (tensor([1.5, 2.0], [1, 2], "INT8"),
         "input 'x': allowed in INT8 are whole numbers from -128 to 127"),
        (tensor([1, 2], [1, 2], "BYTES"),
         "input 'x': datatype 'BYTES', allowed are FP32 and INT8 (the model's own codes)"),
        ({**tensor([1.0, 2.0], [1, 2]), "outputs": [{"name": "q"}]},
         "outputs: 'q', allowed are ['y']"),
        ({}, "body: Object missing required field `inputs`"),
    ],
)  # fmt: skip
def test_a_bad_tensor_is_named(client: FlaskClient, body: dict[str, Any], said: str) -> None:
    answer = client.post(f"{TOTAL}/infer", json=body)

    assert (answer.status_code, answer.json) == (400, {"error": said})


def test_what_is_no_json_or_nested_without_end_is_said(client: FlaskClient) -> None:
    broken = client.post(f"{TOTAL}/infer", data=b"{")
    begun = b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": '
    deep = client.post(f"{TOTAL}/infer", data=begun + b"[" * 5000)

    assert broken.get_json() == {"error": "body: Input data was truncated"}
    assert (deep.status_code, deep.get_json()) == (400, {"error": "body: nested too deeply"})


def test_binary_tensors_are_refused_by_name(client: FlaskClient) -> None:
    headers = {"Inference-Header-Content-Length": "10"}

    answer = client.post(f"{TOTAL}/infer", data=b"{}", headers=headers)

    assert answer.json == {"error": "binary tensors are not taken, allowed is JSON"}


def test_unknown_models_versions_and_routes_are_not_found(client: FlaskClient) -> None:
    known = "model 'none': there are brightness, total, half"

    assert client.get("/v2/models/none").get_json() == {"error": known}
    assert client.get("/v2/models/total/versions/7").get_json() == {
        "error": "model 'total': no version 7, it is 1"
    }
    assert client.get("/elsewhere").status_code == 404
    assert client.get(f"{TOTAL}/infer").status_code == 405


def test_ready_ends_when_draining_begins_and_live_does_not(
    client: FlaskClient, traffic: Traffic
) -> None:
    before = [client.get(p).status_code for p in ("/v2/health/ready", f"{TOTAL}/ready")]
    traffic.is_draining = True
    after = [client.get(p).status_code for p in ("/v2/health/ready", f"{TOTAL}/ready")]

    assert (before, after) == ([200, 200], [503, 503])
    assert client.get("/v2/health/live").status_code == 200


def test_tensorflow_serving_takes_rows_and_columns(client: FlaskClient) -> None:
    url = "/v1/models/total:predict"

    rows = client.post(url, json={"instances": [[1.0, 2.0], [3.0, 4.0]]}).json
    named = client.post(url, json={"instances": [{"x": [1.0, 2.0]}]}).json
    columns = client.post(url, json={"inputs": {"x": [[1.0, 2.0]]}}).json
    bare = client.post("/v1/models/total/versions/1:predict", json={"inputs": [[1.0, 2.0]]}).json

    assert rows == {"predictions": [[3.0], [7.0]]}
    assert named == {"predictions": [[3.0]]}
    assert columns == bare == {"outputs": [[3.0]]}


def test_tensorflow_serving_says_state_and_signature(client: FlaskClient) -> None:
    state = client.get("/v1/models/total").get_json()["model_version_status"][0]
    metadata = client.get("/v1/models/total/metadata").get_json()

    assert (state["version"], state["state"]) == ("1", "AVAILABLE")
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"]["tensor_shape"]["dim"] == [{"size": "-1"}, {"size": "2"}]


def test_tensorflow_serving_takes_images_in_base64(client: FlaskClient, house: House) -> None:
    _, png = cv2.imencode(".png", np.full((2, 2, 3), 200, np.uint8))
    instance = {"b64": base64.b64encode(png.tobytes()).decode()}

    answer = client.post("/v1/models/brightness:predict", json={"instances": [instance] * 2})

    with house.models["brightness"].turn() as turn:
        direct = turn.infer(np.full((1, 4), 200, np.float32))["y"]
    assert answer.get_json()["predictions"] == direct.tolist() * 2


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        ("total", {}, "body: exactly one of instances and inputs is needed"),
        ("total", {"instances": []}, "instances: 0 at once, allowed are 1 to 64"),
        ("total", {"instances": [[1.0]]}, "instances: shape [1, 1], allowed is [N, 2]"),
        ("total", {"instances": [{"q": [1.0]}]}, "instances[0]: inputs ['q'], allowed is ['x']"),
        ("total", {"instances": [{"b64": "AAAA"}]}, "instances[0]: this model takes numbers"),
        ("total", {"inputs": [[1.0, 2.0]], "signature_name": "s"},
         "signature_name 's', allowed is 'serving_default'"),
        ("brightness", {"instances": [{"b64": "?"}]}, "instances[0]: not base64"),
        ("brightness", {"instances": [{"b64": "AAAA"}]},
         "allowed are PNG, JPEG, BMP, PGM and PPM images"),
        ("brightness", {"instances": [{"b64": "AAAA"}, [1.0]]},
         "allowed are PNG, JPEG, BMP, PGM and PPM images"),
    ],
)  # fmt: skip
def test_bad_instances_are_named(
    client: FlaskClient, model: str, body: dict[str, Any], said: str
) -> None:
    answer = client.post(f"/v1/models/{model}:predict", json=body)

    assert (answer.status_code, answer.json) == (400, {"error": said})


_SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
)
_FLAT = _SCALAR | st.lists(_SCALAR, max_size=3) | st.dictionaries(st.text(max_size=3), _SCALAR)
_JSON = _FLAT | st.lists(_FLAT, max_size=3) | st.dictionaries(st.text(max_size=3), _FLAT)
_BODY = st.fixed_dictionaries(
    {},
    optional={
        "instances": _JSON | st.lists(st.lists(st.floats(width=32), min_size=2, max_size=2)),
        "inputs": _JSON
        | st.lists(
            st.fixed_dictionaries(
                {"name": st.just("x"), "shape": _JSON | st.lists(st.integers()), "data": _JSON,
                 "datatype": st.sampled_from(["FP32", "INT8", "BOOL"])}
            ),
            max_size=2,
        ),
        "values": _JSON,
        "outputs": _JSON,
    },
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(body=_BODY | _JSON, raw=st.binary(max_size=20), is_raw=st.booleans())
def test_no_body_is_answered_with_a_bug(
    house: House, body: Any, raw: bytes, *, is_raw: bool
) -> None:
    client = make_app(house, Traffic()).test_client()
    for path in (f"{TOTAL}/infer", "/v1/models/total:predict", "/models/total/predictions"):
        data = raw if is_raw else json.dumps(body).encode()
        answer = client.post(path, data=data, content_type="application/json")
        assert answer.status_code in {200, 400}, (path, answer.json)
        assert answer.is_json


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/models/brightness/predictions", "image/jpeg"),
        ("/models/brightness/predictions", "multipart/form-data; boundary=b"),
        ("/models/total/predictions", "application/json"),
        ("/v2/models/brightness/infer", "application/json"),
        ("/v1/models/brightness:predict", "application/json"),
    ],
)
def test_a_body_is_looked_at_in_its_turn_only(tmp_path: Path, path: str, content_type: str) -> None:
    bundles = (brightness_bundle(tmp_path), sum_bundle(tmp_path))
    full = Places(waiting=0)
    house = house_of(serve_bundle(b, ModelConfig(model=b.name), full) for b in bundles)
    client = make_app(house, Traffic()).test_client()

    def ask() -> int:
        return client.post(path, data=b"no such thing", content_type=content_type).status_code

    with house.find("brightness").turn(), house.find("total").turn():
        assert ask() == 503
    assert ask() == 400
