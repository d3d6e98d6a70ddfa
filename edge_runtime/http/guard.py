"""A bearer token before everything that costs something or tells something about the models."""

import hmac
from pathlib import Path

from flask import Flask, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from edge_runtime.errors import ConfigError

OPEN_PATHS = frozenset({"/", "/metrics", "/v2", "/v2/health/live", "/v2/health/ready"})
LEAST_CHARACTERS = 16


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises:
        ConfigError: It cannot be read, or is shorter than LEAST_CHARACTERS.
    """
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token file {path}: {error}") from error
    if len(token) < LEAST_CHARACTERS:
        raise ConfigError(
            f"token file {path}: {len(token)} characters, allowed are {LEAST_CHARACTERS} or more"
        )
    return token


def guard(app: Flask, token: str) -> None:
    """Have an app refuse requests without the token, but for probes, metrics and the page."""
    wanted = f"Bearer {token}".encode()

    @app.before_request
    def admit() -> None:
        given = request.headers.get("Authorization", "").encode()
        if request.path not in OPEN_PATHS and not hmac.compare_digest(given, wanted):
            raise Unauthorized(
                "a bearer token is needed", www_authenticate=WWWAuthenticate("bearer")
            )
