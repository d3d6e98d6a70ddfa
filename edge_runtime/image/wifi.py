"""A Wi-Fi network's key: derived here, so that no password with odd characters has to be quoted."""

import hashlib
import re
from dataclasses import dataclass

from edge_runtime.errors import ImageError

ITERATIONS, KEY_BYTES = 4096, 32


@dataclass(frozen=True, slots=True)
class Wifi:
    """A network that the device joins.

    Attributes:
        key: 64 hexadecimal digits.
        country: ISO 3166-1 alpha-2; the radio stays off without it.
    """

    ssid: str
    key: str
    country: str


def wifi(ssid: str, password: str, country: str) -> Wifi:
    """Return a network with the key that WPA2 derives from its password.

    Raises:
        ImageError: Outside of what WPA2 allows.
    """
    if not 1 <= len(ssid.encode()) <= 32 or _has_control(ssid):
        raise ImageError(f"Wi-Fi name {ssid!r}: allowed are 1 to 32 bytes, no control characters")
    if not re.fullmatch("[A-Z]{2}", country):
        raise ImageError(f"Wi-Fi country {country!r}: allowed are two capitals, such as DE")
    return Wifi(ssid, pre_shared_key(ssid, password), country)


def pre_shared_key(ssid: str, password: str) -> str:
    """Return 64 hexadecimal digits; a password that is 64 of them is the key already.

    Source: IEEE 802.11, annex J.4: PBKDF2-HMAC-SHA1, 4096 rounds, salted with the network's name.

    Raises:
        ImageError: Too short, too long, or with control characters; the password is not repeated.
    """
    if re.fullmatch("[0-9a-fA-F]{64}", password):
        return password.lower()
    size = len(password.encode())
    if not 8 <= size <= 63 or _has_control(password):
        raise ImageError(
            f"Wi-Fi password of {size} bytes: allowed are 8 to 63, no control characters, "
            "or the key as 64 hexadecimal digits"
        )
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), ssid.encode(), ITERATIONS, KEY_BYTES)
    return key.hex()


def _has_control(text: str) -> bool:
    return any(ord(letter) < 32 or ord(letter) == 127 for letter in text)
