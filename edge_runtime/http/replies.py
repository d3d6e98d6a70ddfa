"""Replies: JSON, also for every error, as `{"error": "one line"}`."""

import logging
from typing import Any

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from edge_runtime.errors import EngineError, FrameError

_log = logging.getLogger(__name__)


def reply(body: Any, status: int = 200) -> Response:
    """Return a body as JSON."""
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


def reply_to_errors(app: Flask, max_body_bytes: int) -> None:
    """Have an app answer every error as JSON; a bug's traceback goes to the log only."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        if isinstance(error, RequestEntityTooLarge):
            error.description = f"body: allowed are {max_body_bytes} bytes"
        answer = reply({"error": error.description}, error.code or 500)
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
                answer.headers[name] = value
        return answer

    @app.errorhandler(FrameError)
    def unusable(error: FrameError) -> Response:
        return reply({"error": str(error)}, 400)

    @app.errorhandler(EngineError)
    def failed(error: EngineError) -> Response:
        _log.error("%s", error)
        return reply({"error": str(error)}, 500)

    @app.errorhandler(Exception)
    def bug(_error: Exception) -> Response:
        _log.exception("a bug")
        return reply({"error": "internal error"}, 500)
