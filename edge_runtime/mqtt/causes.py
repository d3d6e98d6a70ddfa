"""Why there is no connection: broker answers and socket errors, as a closed set of causes."""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum

# Reason codes of MQTT 5 (OASIS, section 2.4); paho maps the six of 3.1.1 onto the same numbers.
UNSUPPORTED_PROTOCOL = 0x84
_CLIENT_ID_INVALID = 0x85
_BAD_CREDENTIALS = 0x86
_NOT_AUTHORISED = 0x87
_BANNED = 0x8A
_BAD_AUTH_METHOD = 0x8C
_SESSION_TAKEN_OVER = 0x8E
# OpenSSL's X509_V_ERR_* numbers (openssl/x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _HOSTNAME_MISMATCH, _IP_MISMATCH = 9, 10, 62, 64
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})


class Cause(StrEnum):
    """Why the last connection ended or was not made; shown in health."""

    UNREACHABLE = "unreachable"
    LOST = "lost"
    PROTOCOL = "protocol"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    REFUSED = "refused"
    CREDENTIALS = "bad_credentials"
    NOT_AUTHORISED = "not_authorised"
    CLIENT_ID = "client_id_invalid"
    TAKEN_OVER = "session_taken_over"
    TLS = "tls"
    TLS_EXPIRED = "tls_certificate_expired"
    TLS_NOT_YET_VALID = "tls_certificate_not_yet_valid"
    TLS_WRONG_HOST = "tls_wrong_host"
    TLS_UNKNOWN_ISSUER = "tls_unknown_issuer"

    @property
    def needs_a_person(self) -> bool:
        """Return whether trying again soon is pointless, and a storm if many devices did it."""
        return self not in _PASSING


_PASSING = frozenset({Cause.UNREACHABLE, Cause.LOST, Cause.PROTOCOL, Cause.NOT_ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cause and one line about it for people."""

    cause: Cause
    text: str


def trouble_of_reason(code: int, name: str) -> Trouble:
    """Return what a CONNACK, SUBACK, PUBACK or DISCONNECT with this reason code means."""
    causes = {
        UNSUPPORTED_PROTOCOL: Cause.PROTOCOL,
        _CLIENT_ID_INVALID: Cause.CLIENT_ID,
        _BAD_CREDENTIALS: Cause.CREDENTIALS,
        _NOT_AUTHORISED: Cause.NOT_AUTHORISED,
        _BANNED: Cause.NOT_AUTHORISED,
        _BAD_AUTH_METHOD: Cause.CREDENTIALS,
        _SESSION_TAKEN_OVER: Cause.TAKEN_OVER,
    }
    return Trouble(causes.get(code, Cause.REFUSED), f"{name} (0x{code:02X})")


def trouble_of_error(error: Exception) -> Trouble:
    """Return what an error while connecting means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(_cause_of_verification(error.verify_code), error.verify_message)
    if isinstance(error, ssl.SSLError):
        return Trouble(Cause.TLS, str(error))
    if isinstance(error, socket.gaierror):
        return Trouble(Cause.UNREACHABLE, f"name not found ({error.strerror})")
    if isinstance(error, OSError):
        return Trouble(Cause.UNREACHABLE, error.strerror or str(error) or type(error).__name__)
    return Trouble(Cause.PROTOCOL, str(error) or type(error).__name__)


def _cause_of_verification(code: int) -> Cause:
    if code == _EXPIRED:
        return Cause.TLS_EXPIRED
    if code == _NOT_YET_VALID:
        return Cause.TLS_NOT_YET_VALID
    if code in {_HOSTNAME_MISMATCH, _IP_MISMATCH}:
        return Cause.TLS_WRONG_HOST
    return Cause.TLS_UNKNOWN_ISSUER if code in _UNKNOWN_ISSUER else Cause.TLS
