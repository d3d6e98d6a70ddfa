"""A camera's picture by HTTP, fetched at a steady rate."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from edge_runtime.config.sources import HttpConfig
from edge_runtime.errors import FrameError, SourceError
from edge_runtime.sources.address import read_url, shown_url
from edge_runtime.sources.image_file import decode_image
from edge_runtime.sources.pace import Pace
from edge_runtime.sources.protocol import Partial, Quiet, Reading, Refusal, Shot

_CHUNK_BYTES = 1 << 16
_NOT_MODIFIED = 304


class HttpSource:
    """Each new picture; one that the server says is unchanged is not fetched again."""

    is_lossless = False

    def __init__(self, config: HttpConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self._pace = Pace(config.interval_s)
        self._opener: urllib.request.OpenerDirector | None = None
        self._url = ""
        self._known: dict[str, str] = {}  # what makes the next request conditional

    @property
    def rate_hz(self) -> float | None:
        """Requests a second."""
        return 1 / self._config.interval_s

    def open(self) -> None:
        """Read the address; the first request follows at once."""
        url = read_url(self._config.url, self._config.url_file)
        self._url, self._opener = _make_opener(url)
        self._known = {}
        self._pace = Pace(self._config.interval_s)

    def read(self) -> Reading:
        """Return the next picture.

        Raises:
            SourceError: The server cannot be reached, refuses, or is too slow.
        """
        if not self._pace.has_come():
            return Quiet()
        try:
            data = self._fetch()
        except FrameError as error:
            return Refusal(str(error))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NOT_MODIFIED:
                return Partial()
            raise SourceError(f"http {self._place()}: answers {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            text = " ".join(str(getattr(error, "reason", None) or error).split())
            raise SourceError(f"http {self._place()}: {text or type(error).__name__}") from error
        try:
            return Shot(decode_image(data))
        except FrameError as error:
            return Refusal(str(error))

    def close(self) -> None:
        """Nothing is held open between two requests."""

    def _fetch(self) -> bytes:
        assert self._opener is not None, "read before open"
        ends_s = self._clock() + self._config.timeout_s
        request = urllib.request.Request(self._url, headers=self._known)  # noqa: S310 (checked)
        with self._opener.open(request, timeout=self._config.timeout_s) as answer:
            data = self._receive(answer, ends_s)
            named = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            self._known = {key: answer.headers[of] for key, of in named if answer.headers[of]}
        return data

    def _receive(self, answer: Any, ends_s: float) -> bytes:
        """Return the body, within the time and the size that are allowed."""
        data, limit = bytearray(), self._config.max_bytes
        while chunk := answer.read1(_CHUNK_BYTES):
            data += chunk
            if len(data) > limit:
                raise FrameError(f"a picture of more than {limit} bytes")
            if self._clock() > ends_s:
                raise SourceError(f"http {self._place()}: slower than {self._config.timeout_s:g} s")
        return bytes(data)

    def _place(self) -> str:
        return shown_url(self._config.url, self._config.url_file)


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows to other http addresses only, never from TLS to plain text."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old, new) == ("https", "http"):
            raise urllib.error.HTTPError(req.full_url, code, "redirect refused", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _make_opener(url: str) -> tuple[str, urllib.request.OpenerDirector]:
    """Return the address without user and password, and what opens it with them.

    Raises:
        SourceError: Not an http address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError("http: the address has to begin with http:// or https://")
    host = parts.netloc.rpartition("@")[2]
    bare = parts._replace(netloc=host).geturl()
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, bare, parts.username, parts.password or "")
    return bare, urllib.request.build_opener(
        _SameScheme(),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
