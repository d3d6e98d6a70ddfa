"""Topic names: `edge/v1/<site>/<device>/...`, made in one place and taken apart in one place."""

import re
from dataclasses import dataclass

from edge_runtime.errors import ConfigError

PREFIX = "edge/v1"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_TOPIC_CHARS = 256

STATUS = "status"
INFO = "info"
HEALTH = "health"
ALERT = "alert"
GAPS = "gaps"
CONFIRMED = "ack"
DESIRED = "cfg/desired"
REPORTED = "cfg/reported"

HOME_ASSISTANT_STATUS = "homeassistant/status"  # where it says "online" when it has started
_ABROAD = "/"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device. Messages name theirs below the root; `full` puts it before them.

    A message for another place than below the root names it as `abroad` returns it.

    Raises:
        ConfigError: A name that is no single, plain topic level.
    """

    site: str
    device: str

    def __post_init__(self) -> None:
        check_name("site", self.site)
        check_name("device", self.device)

    @property
    def root(self) -> str:
        """Return `edge/v1/<site>/<device>`."""
        return f"{PREFIX}/{self.site}/{self.device}"

    @property
    def commands(self) -> str:
        """Return the filter of all commands."""
        return f"{self.root}/cmd/+"

    def full(self, topic: str) -> str:
        """Return the whole name of a topic below the root, or of one that is `abroad`."""
        if is_abroad(topic):
            return topic.removeprefix(_ABROAD)
        return f"{self.root}/{topic}"

    def verb(self, full: str) -> str | None:
        """Return the verb of a command's topic, None for any other topic."""
        head, _, verb = full.rpartition("/")
        return verb if head == f"{self.root}/cmd" else None

    def may_reply_to(self, full: str) -> bool:
        """Return whether a stranger may have our answer sent to this topic.

        Not below our own root, where it could forge our status or command us, but for `reply/`;
        not to the broker's own `$` topics.
        """
        if not is_publishable(full) or full.startswith("$"):
            return False
        is_ours = full == self.root or full.startswith(f"{self.root}/")
        return not is_ours or full.startswith(f"{self.root}/reply/")


def check_name(what: str, name: str) -> str:
    """Return `name` where it is one plain topic level.

    Raises:
        ConfigError: Another character than letters, digits, _ and -, or more than 64 of them.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{what} {name!r}: allowed is {NAME.pattern}")
    return name


def is_publishable(full: str) -> bool:
    """Return whether a message may be published to this name: no wildcard, no control character."""
    if not 0 < len(full) <= MAX_TOPIC_CHARS:
        return False
    return not any(character in "+#" or not character.isprintable() for character in full)


def abroad(full: str) -> str:
    """Return how a message names a topic that is not below our root."""
    return f"{_ABROAD}{full}"


def is_abroad(topic: str) -> bool:
    """Return whether a message's topic is not below our root."""
    return topic.startswith(_ABROAD)


def home_assistant_config(device: str) -> str:
    """Return where Home Assistant looks for the description of a device; a whole name."""
    return f"homeassistant/device/{device}/config"


def pipeline_state(pipeline: str) -> str:
    """Return the topic of a pipeline's present state, below the root."""
    return f"p/{pipeline}/state"


def pipeline_source(pipeline: str) -> str:
    """Return the topic of a pipeline's source state, below the root."""
    return f"p/{pipeline}/source"


def reply(verb: str) -> str:
    """Return where an answer goes that nobody gave a response topic for, below the root."""
    return f"reply/{verb}"
