"""Errors and reason codes become causes that say whether trying again helps."""

import socket
import ssl

import pytest

from edge_runtime.mqtt.causes import Cause, trouble_of_error, trouble_of_reason


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "made up"
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Cause.UNREACHABLE),
        (TimeoutError("timed out"), Cause.UNREACHABLE),
        (socket.gaierror(-2, "Name or service not known"), Cause.UNREACHABLE),
        (certificate_error(10), Cause.TLS_EXPIRED),
        (certificate_error(9), Cause.TLS_NOT_YET_VALID),
        (certificate_error(62), Cause.TLS_WRONG_HOST),
        (certificate_error(20), Cause.TLS_UNKNOWN_ISSUER),
        (certificate_error(7), Cause.TLS),
        (ssl.SSLError(1, "wrong version number"), Cause.TLS),
        (ValueError("Invalid topic."), Cause.PROTOCOL),
    ],
)
def test_an_error_has_one_cause(error: Exception, cause: Cause) -> None:
    trouble = trouble_of_error(error)

    assert trouble.cause is cause
    assert trouble.text


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0x84, Cause.PROTOCOL),
        (0x85, Cause.CLIENT_ID),
        (0x86, Cause.CREDENTIALS),
        (0x87, Cause.NOT_AUTHORISED),
        (0x8E, Cause.TAKEN_OVER),
        (0x97, Cause.REFUSED),
    ],
)
def test_a_reason_code_has_one_cause(code: int, cause: Cause) -> None:
    assert trouble_of_reason(code, "name").cause is cause


def test_only_what_passes_by_itself_is_tried_again_soon() -> None:
    assert [cause for cause in Cause if not cause.needs_a_person] == [
        Cause.UNREACHABLE, Cause.LOST, Cause.PROTOCOL, Cause.NOT_ACKNOWLEDGED,
    ]  # fmt: skip
