"""What surrounds the protocols: token, metrics, page, headers."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from edge_runtime.errors import ConfigError
from edge_runtime.http.app import make_app
from edge_runtime.http.guard import read_token
from edge_runtime.http.house import House
from edge_runtime.http.server import address_of
from edge_runtime.http.traffic import Traffic

pytestmark = pytest.mark.ort
TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("given", [None, "Bearer wrong", TOKEN, "Bearer \xff"])
def test_without_the_token_only_probes_metrics_and_page_answer(
    house: House, given: str | None
) -> None:
    client = make_app(house, Traffic(), TOKEN).test_client()
    headers = {} if given is None else {"Authorization": given}

    refused = client.get("/v2/models/total", headers=headers)

    assert (refused.status_code, refused.json) == (401, {"error": "a bearer token is needed"})
    assert refused.headers["WWW-Authenticate"].lower() == "bearer"
    for path in ("/", "/metrics", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path).status_code == 200, path


def test_the_token_opens(house: House) -> None:
    client = make_app(house, Traffic(), TOKEN).test_client()

    assert client.get("/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_token_file_is_read_and_a_short_or_missing_one_refused(tmp_path: Path) -> None:
    good, short = tmp_path / "good", tmp_path / "short"
    good.write_text(f"{TOKEN}\n")
    short.write_text("secret")

    assert read_token(good) == TOKEN
    with pytest.raises(ConfigError, match="6 characters, allowed are 16 or more"):
        read_token(short)
    with pytest.raises(ConfigError, match="absent"):
        read_token(tmp_path / "absent")


def test_metrics_count_by_route_model_and_code_and_not_by_what_strangers_ask(
    client: FlaskClient,
) -> None:
    client.post("/models/total/predictions", json={"values": [[1.0, 2.0]]})
    client.post("/models/total/predictions", json={"values": [[1.0]]})
    client.get("/models/random-1")
    client.get("/nowhere")

    text = client.get("/metrics").text

    route = "/models/<name>/predictions"
    for line in (
        f'edge_http_requests_total{{code="200",model="total",route="{route}"}} 1.0',
        f'edge_http_requests_total{{code="400",model="total",route="{route}"}} 1.0',
        'edge_http_requests_total{code="404",model="",route="/models/<name>"} 1.0',
        'edge_http_requests_total{code="404",model="",route="none"} 1.0',
        f'edge_http_request_seconds_count{{model="total",route="{route}"}} 2.0',
        "edge_http_requests_under_way 1.0",
    ):
        assert line in text.splitlines()
    assert re.search(r'edge_http_model_info\{backend="[^"]+",digest="sha256:.*model="half"', text)
    assert "random-1" not in text


def test_the_page_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/")

    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in answer.text
    assert "@NONCE@" not in answer.text
    assert not re.search(r"(src|href)=\"?https?:", answer.text)
    assert client.get("/").headers["Content-Security-Policy"] != policy


def test_answers_are_neither_guessed_at_nor_kept(client: FlaskClient) -> None:
    headers = client.get("/models").headers

    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")


def test_an_address_is_a_host_and_a_port() -> None:
    assert address_of("127.0.0.1:80").url == "http://127.0.0.1:80"
    assert address_of("[::1]:8080").url == "http://[::1]:8080"
    for text in ("8080", ":8080", "host:", "host:x", "host:65536"):
        with pytest.raises(ConfigError, match=re.escape(f"bind {text!r}")):
            address_of(text)
