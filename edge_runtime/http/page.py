"""The page for people: which models there are, and what they say of a file or of samples."""

import secrets
from importlib.resources import files

from flask import Flask, Response

NONCE = "@NONCE@"


def show_page(app: Flask) -> None:
    """Have an app show the page at /; it loads nothing from elsewhere."""
    text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")

    @app.get("/")
    def page() -> Response:
        nonce = secrets.token_urlsafe(16)
        answer = Response(text.replace(NONCE, nonce), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src blob: data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return answer
