"""What Prometheus reads: requests by route, model and code, and how long they took."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from edge_runtime.http.house import House
from edge_runtime.http.traffic import Traffic

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def measure(app: Flask, house: House, traffic: Traffic) -> None:
    """Have an app count its requests, and tell at /metrics."""
    registry = CollectorRegistry()
    labels = ["route", "model"]
    requests = Counter(
        "edge_http_requests", "Requests answered.", [*labels, "code"], registry=registry
    )
    seconds = Histogram(
        "edge_http_request_seconds",
        "From the request's arrival to its answer, the body received.",
        labels,
        buckets=BUCKETS_S,
        registry=registry,
    )
    under_way = Gauge("edge_http_requests_under_way", "Requests now.", registry=registry)
    under_way.set_function(lambda: traffic.under_way)
    _tell_models(house, registry)

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()
        traffic.begin()

    @app.after_request
    def count(answer: Response) -> Response:
        route = "none" if request.url_rule is None else request.url_rule.rule
        asked = (request.view_args or {}).get("name", "")
        model = asked if asked in house.models else ""  # others would be labels without an end
        requests.labels(route, model, str(answer.status_code)).inc()
        seconds.labels(route, model).observe(time.perf_counter() - g.begun)
        return answer

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        traffic.end()

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _tell_models(house: House, registry: CollectorRegistry) -> None:
    names = ["model", "version", "digest", "backend"]
    info = Gauge("edge_http_model_info", "1 for each model.", names, registry=registry)
    for served in house:
        part = served.part
        info.labels(part.name, str(part.version), part.digest, part.backend).set(1)
