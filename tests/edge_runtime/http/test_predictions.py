"""Our own routes: the answer is what the daemon's pipeline says of the same bytes."""

import io
import json
import struct

import cv2
import jsonschema
import numpy as np
import pytest
from flask.testing import FlaskClient

from edge_runtime.decoders.decode import first_threshold
from edge_runtime.errors import ConfigError
from edge_runtime.http.app import make_app
from edge_runtime.http.house import House, house_of
from edge_runtime.http.traffic import Traffic
from edge_runtime.payload_schemas import payload_schemas
from edge_runtime.pipeline import run_model
from edge_runtime.results import results_of

pytestmark = pytest.mark.ort
DOOR = "/models/brightness/predictions"


def jpeg(seed: int = 3) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    _, data = cv2.imencode(".jpg", pixels)
    return data.tobytes()


def test_an_image_is_answered_as_the_pipeline_answers_it(client: FlaskClient, house: House) -> None:
    data = jpeg()
    model = house.models["brightness"]._opened.model
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    answer = client.post(DOOR, data=data, content_type="image/jpeg").get_json()

    outcome = run_model(pixels, model, first_threshold(None, model.manifest))
    kind, results = results_of(outcome.decoded, "")
    assert (answer["schema"], answer["kind"]) == ("edge.answer/1", kind)
    assert [(r["label"], r["score"]) for r in answer["results"]] == [
        (r.label, r.score) for r in results
    ]
    assert answer["size"] == [60, 40]
    assert answer["model"]["digest"].startswith("sha256:")


def test_a_form_with_one_file_is_the_same(client: FlaskClient) -> None:
    form = {"image": (io.BytesIO(jpeg()), "a.jpg")}

    by_form = client.post(DOOR, data=form).get_json()

    by_body = client.post(DOOR, data=jpeg(), content_type="image/jpeg").get_json()
    assert by_form["results"] == by_body["results"]


def test_samples_are_regressed_in_their_unit(client: FlaskClient) -> None:
    answer = client.post("/models/total/predictions", json={"values": [[1.5, 2.0]]})

    assert answer.get_json()["results"] == [{"name": "total", "value": 3.5, "unit": "kg"}]


def test_a_threshold_of_the_query_counts(client: FlaskClient) -> None:
    url = "/models/half/predictions"

    strict = client.post(f"{url}?threshold=0.01", json={"values": [[1.0, 1.0]]}).get_json()
    own = client.post(url, json={"values": [[0.5, 0.5]]}).get_json()

    assert strict["results"][0]["flag"] is True
    assert own["results"][0] == {**own["results"][0], "threshold": 0.25, "flag": False}


@pytest.mark.parametrize("text", ["nan", "-1", "inf", "x", ""])
def test_a_bad_threshold_is_named(client: FlaskClient, text: str) -> None:
    answer = client.post(f"{DOOR}?threshold={text}", data=jpeg(), content_type="image/jpeg")

    said = f"threshold {text!r}: allowed are numbers of at least 0"
    assert (answer.status_code, answer.json) == (400, {"error": said})


def test_other_content_types_are_refused_with_the_allowed(client: FlaskClient) -> None:
    image = client.post(DOOR, json={"values": []})
    samples = client.post("/models/total/predictions", data=b"1,2", content_type="text/csv")

    assert image.status_code == samples.status_code == 415
    assert "image/jpeg" in image.get_json()["error"]
    assert samples.get_json()["error"] == "content type text/csv, allowed are application/json"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "allowed are PNG, JPEG, BMP, PGM and PPM images"),
        (jpeg()[:-40], "a JPEG that is cut off after"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 20000, 20000),
         "20000x20000 pixels, allowed are 50000000"),
    ],
)  # fmt: skip
def test_a_bad_image_is_refused_before_it_costs_anything(
    client: FlaskClient, data: bytes, said: str
) -> None:
    answer = client.post(DOOR, data=data, content_type="image/png")

    assert answer.status_code == 400
    assert said in answer.get_json()["error"]


def test_a_form_with_two_files_is_refused(client: FlaskClient) -> None:
    form = {name: (io.BytesIO(jpeg()), name) for name in ("a", "b")}

    assert client.post(DOOR, data=form).get_json() == {"error": "form: 2 files, allowed is 1"}


def test_models_say_what_they_take(client: FlaskClient) -> None:
    listed = {m["name"]: m for m in client.get("/models").get_json()["models"]}

    assert {name: m["takes"] for name, m in listed.items()} == {
        "brightness": "image", "total": "samples", "half": "samples",
    }  # fmt: skip
    assert client.get("/models/total").get_json() == listed["total"]


def test_a_body_above_the_limit_is_refused(house: House) -> None:
    client = make_app(house, Traffic(), max_body_bytes=100).test_client()

    answer = client.post(DOOR, data=jpeg(), content_type="image/jpeg")

    assert (answer.status_code, answer.json) == (413, {"error": "body: allowed are 100 bytes"})


def test_a_name_twice_is_refused(house: House) -> None:
    twice = [house.models["total"]] * 2

    with pytest.raises(ConfigError, match="model 'total' is named twice"):
        house_of(twice)


def test_a_bug_is_logged_and_not_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(house, Traffic())
    app.add_url_rule("/broken", view_func=lambda: str({}["secret"]))

    answer = app.test_client().get("/broken")

    assert (answer.status_code, answer.json) == (500, {"error": "internal error"})
    assert "secret" in caplog.text


def test_the_answer_s_results_are_of_the_daemon_s_schema(client: FlaskClient) -> None:
    schema = json.loads(payload_schemas()["edge.answer.1.json"])
    for url, sent in (
        (DOOR, {"data": jpeg(), "content_type": "image/jpeg"}),
        ("/models/half/predictions", {"json": {"values": [[1.0, 2.0]]}}),
    ):
        jsonschema.validate(client.post(url, **sent).get_json(), schema)
