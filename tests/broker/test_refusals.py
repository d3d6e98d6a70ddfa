"""A broker that refuses: its own reason in health, no storm, never a fall back to less safety."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_runtime.mqtt.connection import TlsSettings
from edge_runtime.mqtt.exchange_parts import ExchangeSettings
from edge_runtime.mqtt.session import SessionState
from edge_runtime.mqtt.topics import abroad
from edge_runtime.records import Delivery, Message
from tests.broker.certificates import Authority
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.proxy import SESSION_TAKEN_OVER, Interposer, OldBroker
from tests.broker.rig import TOPICS, Rig

pytestmark = pytest.mark.broker

MakeRig = Callable[..., Rig]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Start brokers with extra lines of configuration."""
    brokers: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        brokers.append(Mosquitto(tmp_path, *lines))
        brokers[-1].start()
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture
def accounts(tmp_path: Path) -> tuple[str, ...]:
    """Configuration lines for a broker that knows pi-1 with the password "right"."""
    path = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(path), "pi-1", "right"], check=True)
    path.chmod(0o644)
    return ("allow_anonymous false", f"password_file {path}")


def cause(rig: Rig) -> str | None:
    trouble = rig.session.status().trouble
    return None if trouble is None else trouble.cause.value


def test_the_right_password_is_let_in(
    start: Callable[..., Mosquitto], accounts: tuple[str, ...], make_rig: MakeRig
) -> None:
    broker = start(*accounts)

    make_rig(broker.port, username="pi-1", password="right").start().wait_online()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_n6_a_wrong_password_is_told_and_tried_again_slowly(
    start: Callable[..., Mosquitto], accounts: tuple[str, ...], make_rig: MakeRig, protocol: str
) -> None:
    broker = start(*accounts)
    rig = make_rig(broker.port, username="pi-1", password="wrong", protocol=protocol).start()

    rig.wait_state(SessionState.REFUSED)

    assert cause(rig) in {"not_authorised", "bad_credentials"}
    attempts = broker.log().count("New connection")
    rig.put(1)
    eventually(lambda: rig.outbox.status().waiting == 1, "the event waits")
    assert broker.log().count("New connection") == attempts


def test_a_password_that_was_corrected_is_read_at_the_next_attempt(
    start: Callable[..., Mosquitto], accounts: tuple[str, ...], make_rig: MakeRig
) -> None:
    broker = start(*accounts)
    rig = make_rig(broker.port, username="pi-1", password="wrong", slow_retry_s=0.1)
    passwords = ["wrong", "right"]
    object.__setattr__(
        rig.session._settings.broker,
        "password",
        lambda: passwords.pop(0) if len(passwords) > 1 else passwords[0],
    )

    rig.start().wait_online()


def test_an_old_broker_is_spoken_to_in_3_1_1(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    with OldBroker(broker.port, answers=True) as old:
        rig = make_rig(old.port).start().wait_online()
        rig.put(1)

        listener.wait_for("/event")

        assert rig.session.status().protocol == "3.1.1"


def test_a_broker_that_hangs_up_on_mqtt_5_is_tried_in_3_1_1(
    broker: Mosquitto, make_rig: MakeRig
) -> None:
    with OldBroker(broker.port, answers=False) as old:
        rig = make_rig(old.port).start().wait_online()

        assert rig.session.status().protocol == "3.1.1"
        rig.stop()


def test_after_a_silence_that_was_not_the_version_s_mqtt_5_is_spoken_again(
    broker: Mosquitto, make_rig: MakeRig
) -> None:
    with OldBroker(broker.port, answers=False) as old:
        rig = make_rig(old.port).start().wait_online()
        assert rig.session.status().protocol == "3.1.1"

        old.learn()

        eventually(lambda: rig.session.status().connections == 2, "the next connection", 30)
        assert rig.session.status().protocol == "5"
        rig.stop()


def test_after_a_silence_that_was_the_version_s_3_1_1_is_found_again(
    broker: Mosquitto, make_rig: MakeRig
) -> None:
    with OldBroker(broker.port, answers=False) as old:
        rig = make_rig(old.port).start().wait_online()

        old.hang_up()

        eventually(lambda: rig.session.status().connections == 2, "the next connection", 30)
        assert rig.session.status().protocol == "3.1.1"
        rig.stop()


def test_n7_a_client_with_our_id_makes_us_wait_and_is_told(
    broker: Mosquitto, make_rig: MakeRig
) -> None:
    with Interposer(broker.port) as interposer:  # mosquitto says it from 2.1 on, not before
        rig = make_rig(interposer.port, protocol="5").start().wait_online()

        interposer.inject(SESSION_TAKEN_OVER)

        rig.wait_state(SessionState.REFUSED)
        assert cause(rig) == "session_taken_over"
        assert rig.session.status().takeovers == 1
        rig.stop()


def test_n6_a_forbidden_topic_is_complained_of_and_given_up_in_the_end(
    start: Callable[..., Mosquitto], tmp_path: Path, make_rig: MakeRig
) -> None:
    rules = tmp_path / "acl"
    root = TOPICS.root
    rules.write_text(
        f"topic write {root}/status\ntopic write {root}/info\ntopic write {root}/p/door/source\n"
        f"topic read {root}/cmd/#\ntopic write {root}/alert\n"
    )
    rules.chmod(0o644)
    broker = start(f"acl_file {rules}")
    quick = ExchangeSettings(refused_retry_s=0.1, refused_limit=2, answer_deadline_s=5.0)
    rig = make_rig(broker.port, exchange=quick).start().wait_online()

    rig.put(1)
    eventually(lambda: cause(rig) == "not_authorised", "the complaint")
    eventually(rig.outbox.is_empty, "given up")

    dropped = rig.outbox.status().dropped
    assert {reason for reason, _ in dropped} == {"refused"}
    rig.wait_online()  # mosquitto 2.0 hangs up after each refusal
    rig.put(2, topic="alert")
    eventually(lambda: cause(rig) is None, "the complaint is over")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_forbidden_birth_keeps_nobody_from_being_born(
    start: Callable[..., Mosquitto], tmp_path: Path, make_rig: MakeRig, protocol: str
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic write {TOPICS.root}/#\ntopic read {TOPICS.root}/cmd/#\n")
    rules.chmod(0o644)
    broker = start(f"acl_file {rules}")
    rig = make_rig(broker.port, protocol=protocol)
    elsewhere = Message(abroad("homeassistant/device/pi-1/config"), b"{}", Delivery.LATEST)
    rig.births = (rig.births[0], elsewhere, *rig.births[1:])

    rig.start().wait_online()
    rig.put(1)

    eventually(rig.outbox.is_empty, "delivered")
    assert rig.session.status().connections == 1


def test_a_birth_larger_than_the_broker_takes_is_left_out(
    start: Callable[..., Mosquitto], make_rig: MakeRig
) -> None:
    broker = start("max_packet_size 4000")
    rig = make_rig(broker.port)
    large = Message(abroad("homeassistant/device/pi-1/config"), bytes(5000), Delivery.LATEST)
    rig.births = (*rig.births, large)

    rig.start().wait_online()

    assert rig.session.status().connections == 1
    assert "homeassistant/device/pi-1/config: 5000 bytes" in rig.session.status().trouble.text


def test_n8_a_message_larger_than_the_broker_takes_is_not_sent(
    start: Callable[..., Mosquitto], make_rig: MakeRig
) -> None:
    broker = start("max_packet_size 4000")
    rig = make_rig(broker.port).start().wait_online()

    rig.put(1, payload=bytes(5000))
    rig.put(2)

    eventually(rig.outbox.is_empty, "the small one is delivered")
    assert {reason for reason, _ in rig.outbox.status().dropped} == {"oversize"}


def tls_lines(authority: Authority, host: str, days: tuple[int, int] = (-1, 30)) -> tuple[str, ...]:
    pair = authority.issue("broker", host=host, days=days)
    return (f"cafile {authority.ca}", f"certfile {pair.cert}", f"keyfile {pair.key}")


def test_tls_with_our_authority_works(
    start: Callable[..., Mosquitto], tmp_path: Path, make_rig: MakeRig
) -> None:
    authority = Authority(tmp_path)
    broker = start(*tls_lines(authority, "127.0.0.1"))

    make_rig(broker.port, tls=TlsSettings(authority.ca)).start().wait_online()


def test_mutual_tls_needs_our_certificate(
    start: Callable[..., Mosquitto], tmp_path: Path, make_rig: MakeRig
) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("pi-1")
    broker = start(*tls_lines(authority, "127.0.0.1"), "require_certificate true")

    rig = make_rig(broker.port, tls=TlsSettings(authority.ca, ours.cert, ours.key))
    rig.start().wait_online()
    without = make_rig(broker.port, tls=TlsSettings(authority.ca)).start()

    eventually(lambda: cause(without) is not None, "refused")
    assert without.session.status().connections == 0


@pytest.mark.parametrize(
    ("host", "days", "expected"),
    [
        ("127.0.0.1", (-30, -1), "tls_certificate_expired"),
        ("127.0.0.1", (1, 30), "tls_certificate_not_yet_valid"),
        ("other.example", (-1, 30), "tls_wrong_host"),
        ("127.0.0.1", (-1, 30), "tls_unknown_issuer"),
    ],
)
def test_n5_a_wrong_certificate_is_refused_for_its_own_reason(
    start: Callable[..., Mosquitto], tmp_path: Path, make_rig: MakeRig,
    host: str, days: tuple[int, int], expected: str,
) -> None:  # fmt: skip
    authority = Authority(tmp_path)
    is_stranger = expected == "tls_unknown_issuer"
    trusted = Authority(tmp_path, "stranger") if is_stranger else authority
    broker = start(*tls_lines(authority, host, days))
    rig = make_rig(broker.port, tls=TlsSettings(trusted.ca)).start()

    rig.wait_state(SessionState.REFUSED)

    assert cause(rig) == expected
    assert rig.session.status().connections == 0


def test_a_missing_authority_file_is_told(
    broker: Mosquitto, tmp_path: Path, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port, tls=TlsSettings(tmp_path / "nothing.pem")).start()

    rig.wait_state(SessionState.REFUSED)

    assert "nothing.pem" in rig.session.status().trouble.text
