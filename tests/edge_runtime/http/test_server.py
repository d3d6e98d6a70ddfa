"""The process itself: listens, refuses when it is too much, finishes what it began."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest
from flask import Flask

from edge_runtime.decoders.specs import RegressionDecoder
from edge_runtime.errors import ConfigError
from edge_runtime.http.server import Address, Server
from edge_runtime.signals.inputs import WindowInput
from tests.broker.mosquitto import eventually
from tests.edge_runtime.bundles import dense, sum_bundle, write

pytestmark = pytest.mark.ort
OUTPUTS, ROWS = 6000, 64


def heavy_bundle(folder: Path) -> Path:
    """A hundred inputs times OUTPUTS: the batch of ROWS keeps an engine busy for a moment."""
    graph = dense([[1] * 100] * OUTPUTS, 1 / 127, [0] * OUTPUTS, 0.5, 0)
    window = WindowInput(columns=tuple(f"c{i}" for i in range(100)), length=1, step=1)
    names = tuple(f"y{i}" for i in range(OUTPUTS))
    return write(folder, "heavy", graph, window, RegressionDecoder(output="y", names=names))


class Served:
    """A running `edge-runtime serve` on a port of its own choice."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = folder / "serve.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_runtime", "serve", "--bind=127.0.0.1:0", *arguments],
                stderr=log,
            )
        try:
            eventually(lambda: "listening on " in self.log, lambda: self.log)
        except BaseException:
            self.__exit__()
            raise
        self.url = self.log.partition("listening on ")[2].partition(": ")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ask(self, path: str, body: Any = None) -> tuple[int, Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.headers

    def under_way(self) -> int:
        text = self.ask("/metrics")[1]
        return int(float(text.partition("\nedge_http_requests_under_way ")[2].split()[0]))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return heavy_bundle(tmp_path)


WORK = {"instances": [[1.0] * 100] * ROWS}


def test_too_much_is_refused_at_once_and_what_is_taken_is_answered(
    bundle: Path, tmp_path: Path
) -> None:
    together = threading.Barrier(8)
    options = ("--engine=onnx", "--threads=1", "--waiting=1", "--patience-s=60")
    with Served(tmp_path, str(bundle), *options) as served, ThreadPoolExecutor(8) as pool:

        def ask(_: int) -> tuple[int, Any, Any]:
            together.wait(60)
            return served.ask("/v1/models/heavy:predict", WORK)

        answers = list(pool.map(ask, range(24)))
        metrics = served.ask("/metrics")[1]

    codes = Counter(status for status, _, _ in answers)
    assert set(codes) == {200, 503}
    refused = next(a for a in answers if a[0] == 503)
    assert refused[2]["Retry-After"] == "1"
    assert json.loads(refused[1])["error"] == "busy: 1 requests are waiting, allowed are 1"
    assert f'code="503",model="heavy",route="/v1/models/<name>:predict"}} {codes[503]}.0' in metrics


def test_sigterm_finishes_what_is_under_way_and_exits_0(bundle: Path, tmp_path: Path) -> None:
    options = ("--engine=onnx", "--threads=1", "--patience-s=60", "--drain-s=2")
    with Served(tmp_path, str(bundle), *options) as served, ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(served.ask, "/v1/models/heavy:predict", WORK) for _ in range(10)]
        eventually(lambda: served.under_way() > 1, "requests under way")
        served.process.terminate()
        assert [answer.result()[0] for answer in answers] == [200] * 10
        assert served.process.wait(30) == 0
        assert "stopping: not ready for 2 s" in served.log


def test_a_bundle_is_named_and_a_taken_address_is_an_error_in_one_line(tmp_path: Path) -> None:
    sum_bundle(tmp_path)
    arguments = ("total@1", "--models-dir", str(tmp_path))
    with Served(tmp_path, *arguments) as served:
        status, body, _ = served.ask("/models/total/predictions")
        bind = served.url.removeprefix("http://")

        command = [sys.executable, "-m", "edge_runtime", "serve", *arguments, "--bind", bind]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert status == 405
    assert json.loads(body) == {"error": "The method is not allowed for the requested URL."}
    assert second.returncode == 1
    said = second.stderr.splitlines()[-1]
    assert said == f"edge-runtime: bind {served.url}: Address already in use"


def test_a_host_that_is_none_of_this_machine_is_named() -> None:
    with pytest.raises(ConfigError, match=r"bind http://192\.0\.2\.1:80: Cannot assign"):
        Server(Flask("unused"), Address("192.0.2.1", 80), 1, 1)
    with pytest.raises(ConfigError, match=r"invalid:80: (Name|Temporary)"):
        Server(Flask("unused"), Address("no-such-host.invalid", 80), 1, 1)
