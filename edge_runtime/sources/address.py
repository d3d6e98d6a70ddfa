"""Addresses of network cameras, which may hold a password: in a file, and never shown."""

import re
from pathlib import Path

from edge_runtime.config.loading import read_secret
from edge_runtime.errors import ConfigError, SourceError

_CREDENTIALS = re.compile(r"//[^/@\s]*@")


def read_url(url: str | None, url_file: str | None) -> str:
    """Return the address, from its file where it stands in one.

    Raises:
        SourceError: The file cannot be read.
    """
    if url is not None:
        return url
    try:
        return read_secret(Path(url_file or ""))
    except ConfigError as error:
        raise SourceError(str(error)) from error


def shown_url(url: str | None, url_file: str | None) -> str:
    """Return where the camera is, without user and password."""
    return _CREDENTIALS.sub("//", url) if url is not None else str(url_file)
