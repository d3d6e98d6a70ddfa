"""Birth, death and everything between, judged by a real broker."""

import os
import signal
from collections.abc import Callable

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.mqtt.exchange_parts import ExchangeSettings
from edge_runtime.mqtt.mailbox import Reply
from edge_runtime.records import Delivery, Message
from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.broker.rig import TOPICS, Rig

pytestmark = pytest.mark.broker

MakeRig = Callable[..., Rig]


def test_the_birth_says_info_then_states_then_online_last(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port)
    rig.outbox.put(Message("p/door/state", b"{}", Delivery.LATEST, retain=True))
    rig.put(1)
    rig.start()

    listener.wait_for("/event")

    order = [heard.topic.removeprefix(TOPICS.root + "/") for heard in listener.heard]
    assert order == ["info", "p/door/source", "p/door/state", "status", "p/door/event"]
    assert listener.texts("/status") == ["online"]
    assert [heard.retain for heard in listener.heard] == [True, True, True, True, False]
    assert all(heard.qos == 1 for heard in listener.heard)


def test_a_clean_stop_publishes_stopped_and_the_will_stays_unsaid(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()

    rig.stop()

    eventually(lambda: "Received DISCONNECT from pi-1" in broker.log(), "DISCONNECT")
    assert listener.texts("/status") == ["online", "stopped"]


def test_a_stop_delivers_the_backlog_before_the_death(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()
    for number in range(100):
        rig.put(number)

    rig.stop()

    listener.wait_for("/status", 2)
    assert listener.texts("/event") == [str(number) for number in range(100)]
    assert listener.heard[-1].payload == b"stopped"


def test_a_changed_status_is_published_at_once(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()

    rig.status_text = "degraded"
    rig.session.wake()

    listener.wait_for("/status", 2)
    assert listener.texts("/status") == ["online", "degraded"]


def test_events_arrive_in_order_with_their_properties_and_are_forgotten(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()
    for number in range(300):
        rig.put(number, expiry_s=3600)

    heard = listener.wait_for("/event", 300)

    assert [int(h.payload) for h in heard] == list(range(300))
    assert heard[7].user == {"schema": "edge.event/1", "boot": "b00t", "seq": "7"}
    assert 3500 < heard[7].properties.MessageExpiryInterval <= 3600
    eventually(rig.outbox.is_empty, "the outbox is empty")
    assert rig.session.status().puback_p50_ms is not None


def test_live_messages_are_sent_at_qos_0_and_dropped_without_a_connection(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port)
    live = Message("p/door/pred", b'{"n":1}', Delivery.LIVE, expiry_s=5)
    rig.session.publish_live(live)
    rig.start().wait_online()
    eventually(lambda: listener.on("/status"), "online is heard")

    rig.session.publish_live(live)

    (heard,) = listener.wait_for("/pred")
    assert heard.qos == 0
    assert heard.properties.ContentType == "application/json"
    assert rig.session.status().live_dropped == {"offline": 1}


def test_n1_the_daemon_starts_while_the_broker_is_down(
    broker: Mosquitto, make_rig: MakeRig
) -> None:
    broker.kill()
    rig = make_rig(broker.port).start()
    for number in range(50):
        rig.put(number)
    eventually(lambda: rig.session.status().trouble is not None, "trouble is told")
    assert rig.session.status().trouble.cause == "unreachable"

    broker.start()
    listener = Listener(broker.port)

    eventually(rig.outbox.is_empty, "everything was delivered")
    listener.close()


def test_n2_after_the_brokers_crash_the_unacknowledged_come_again_lowest_first(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()
    rig.put(0)
    listener.wait_for("/event")
    broker.kill()
    for number in range(1, 200):
        rig.put(number)
    broker.start()

    # A number that was on its way when the broker died comes twice.
    eventually(lambda: len(set(listener.texts("/event"))) == 200, "all events", 20)

    first_seen = list(dict.fromkeys(int(text) for text in listener.texts("/event")))
    assert first_seen == list(range(200))
    assert rig.session.status().connections == 2


def test_a_broker_that_forgot_what_it_retained_is_told_again(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()
    rig.outbox.put(Message("p/door/state", b'{"class":"cat"}', Delivery.LATEST, retain=True))
    rig.outbox.commit()
    rig.session.wake()
    listener.wait_for("/state")

    broker.kill()
    broker.start()

    states = listener.wait_for("/state", 2)
    assert states[-1].payload == b'{"class":"cat"}'


def test_n4_a_frozen_broker_is_noticed_by_the_missing_puback(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port, exchange=ExchangeSettings(answer_deadline_s=1.0))
    rig.start().wait_online()
    os.kill(broker.process.pid, signal.SIGSTOP)
    rig.put(1)

    eventually(
        lambda: getattr(rig.session.status().trouble, "cause", None) == "not_acknowledged",
        "noticed",
    )
    os.kill(broker.process.pid, signal.SIGCONT)

    listener.wait_for("/event")
    eventually(rig.outbox.is_empty, "delivered")


def test_n3_only_what_the_window_allows_is_in_flight(broker: Mosquitto, make_rig: MakeRig) -> None:
    rig = make_rig(broker.port, exchange=ExchangeSettings(window=5, answer_deadline_s=30.0))
    rig.start().wait_online()
    os.kill(broker.process.pid, signal.SIGSTOP)
    for number in range(50):
        rig.put(number)
    eventually(lambda: rig.outbox.status().waiting == 50, "all wait")
    os.kill(broker.process.pid, signal.SIGCONT)

    eventually(rig.outbox.is_empty, "drained")


def test_a_command_comes_through_and_its_answer_goes_back(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    rig = make_rig(broker.port).start().wait_online()
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "answers/me"
    properties.CorrelationData = b"42"
    listener.client.publish(TOPICS.full("cmd/ping"), b"{}", 1, False, properties)

    eventually(lambda: rig.commands, "the command")
    command = rig.commands[0]
    answer = Message("x", b'{"ok":true}', Delivery.ALL)
    rig.session.reply(Reply(command.response_topic, answer, command.correlation))

    (heard,) = listener.wait_for("answers/me")
    assert command.topic == TOPICS.full("cmd/ping")
    assert heard.properties.CorrelationData == b"42"


def test_a_retained_command_is_not_delivered_at_a_birth_and_marked_when_live(
    broker: Mosquitto, listener: Listener, make_rig: MakeRig
) -> None:
    listener.client.publish(TOPICS.full("cmd/pause"), b"{}", 1, retain=True)
    listener.wait_for("cmd/pause")
    rig = make_rig(broker.port).start().wait_online()
    assert rig.commands == []

    listener.client.publish(TOPICS.full("cmd/resume"), b"{}", 1, retain=True)

    eventually(lambda: rig.commands, "the command")
    assert rig.commands[0].is_retained
