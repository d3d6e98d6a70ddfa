"""Puts the WSGI app together: models, protocols, metrics, page; decides nothing else."""

from flask import Flask, Response

from edge_runtime.http.guard import guard
from edge_runtime.http.house import House
from edge_runtime.http.metrics import measure
from edge_runtime.http.open_inference import open_inference
from edge_runtime.http.page import show_page
from edge_runtime.http.predictions import predictions
from edge_runtime.http.replies import reply_to_errors
from edge_runtime.http.tensorflow_serving import tensorflow_serving
from edge_runtime.http.traffic import Traffic

MAX_BODY_BYTES = 16 << 20


def make_app(
    house: House, traffic: Traffic, token: str | None = None, max_body_bytes: int = MAX_BODY_BYTES
) -> Flask:
    """Return the app.

    Args:
        house: What is served.
        traffic: Counts, and says when readiness ends.
        token: That requests have to bear; None: anybody may ask.
        max_body_bytes: Of a request; a larger one is refused with 413.
    """
    app = Flask("edge_runtime.http", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    measure(app, house, traffic)
    if token is not None:
        guard(app, token)
    reply_to_errors(app, max_body_bytes)
    show_page(app)
    for routes in (open_inference(house, traffic), tensorflow_serving(house), predictions(house)):
        app.register_blueprint(routes)

    @app.after_request
    def harden(answer: Response) -> Response:
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return app
