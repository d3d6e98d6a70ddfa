"""Topic names: one plain level each, and strangers cannot have us write where they like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import ConfigError
from edge_runtime.mqtt.topics import (
    MAX_TOPIC_CHARS,
    Topics,
    abroad,
    is_abroad,
    is_publishable,
    pipeline_source,
    reply,
)

TOPICS = Topics("home", "porch-pi")


def test_the_root_holds_site_and_device() -> None:
    assert TOPICS.root == "edge/v1/home/porch-pi"
    assert TOPICS.full(pipeline_source("door")) == "edge/v1/home/porch-pi/p/door/source"
    assert TOPICS.commands == "edge/v1/home/porch-pi/cmd/+"


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#", "a b", "ä", "x" * 65, "a\n"])
def test_a_name_that_is_no_plain_level_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="allowed is"):
        Topics("home", name)


def test_the_verb_is_found_in_our_commands_only() -> None:
    assert TOPICS.verb("edge/v1/home/porch-pi/cmd/ping") == "ping"
    assert TOPICS.verb("edge/v1/home/other/cmd/ping") is None
    assert TOPICS.verb("edge/v1/home/porch-pi/status") is None


@pytest.mark.parametrize(
    ("topic", "may"),
    [
        ("backend/answers/7", True),
        (TOPICS.full(reply("ping")), True),
        (TOPICS.full("status"), False),
        (TOPICS.full("cmd/pause"), False),
        (TOPICS.root, False),
        ("$SYS/broker", False),
        ("answers/+", False),
        ("answers/#", False),
        ("", False),
        ("a" * (MAX_TOPIC_CHARS + 1), False),
        ("answers/\0", False),
    ],
)
def test_answers_go_only_where_they_do_no_harm(topic: str, may: bool) -> None:
    assert TOPICS.may_reply_to(topic) is may


@given(st.text(max_size=40))
def test_no_wildcard_is_ever_publishable(text: str) -> None:
    if "+" in text or "#" in text or not text:
        assert not is_publishable(text)


def test_a_topic_abroad_is_not_put_below_our_root() -> None:
    topic = abroad("homeassistant/device/porch-pi/config")

    assert TOPICS.full(topic) == "homeassistant/device/porch-pi/config"
    assert is_abroad(topic)
    assert not is_abroad("status")
