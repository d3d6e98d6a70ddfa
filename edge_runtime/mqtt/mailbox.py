"""What passes between the session's thread and the others, and what outlives a connection."""

import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass

from edge_runtime.mqtt.causes import Trouble
from edge_runtime.mqtt.window import RoundTrips
from edge_runtime.records import Message

MAX_LIVE = 64
MAX_REPLIES = 64
MAX_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command.

    Attributes:
        topic: The whole name.
        correlation: As the asker gave it.
    """

    topic: str
    message: Message
    correlation: bytes | None


class Mailbox:
    """LIVE messages and answers on their way out; the oldest give way, and are counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False
        self._live: deque[Message] = deque()
        self._replies: deque[Reply] = deque(maxlen=MAX_REPLIES)
        self._dropped: Counter[str] = Counter()

    def open(self) -> None:
        """Take messages from now on."""
        with self._lock:
            self._is_open = True

    def shut(self) -> None:
        """Drop what is inside and what comes, for nobody fetches it."""
        with self._lock:
            self._is_open = False
            self._dropped["offline"] += len(self._live)
            self._live.clear()
            self._replies.clear()

    def put_live(self, message: Message) -> bool:
        """Take a LIVE message; return whether somebody will fetch it."""
        with self._lock:
            if not self._is_open:
                self._dropped["offline"] += 1
                return False
            if len(self._live) == MAX_LIVE:
                self._live.popleft()
                self._dropped["slow_link"] += 1
            self._live.append(message)
            return True

    def put_reply(self, reply: Reply) -> None:
        """Take an answer."""
        with self._lock:
            if self._is_open:
                self._replies.append(reply)

    def next_live(self) -> Message | None:
        """Return the oldest LIVE message."""
        with self._lock:
            return self._live.popleft() if self._live else None

    def next_reply(self) -> Reply | None:
        """Return the oldest answer."""
        with self._lock:
            return self._replies.popleft() if self._replies else None

    def dropped(self) -> Counter[str]:
        """Return how many LIVE messages were never sent: "offline", "slow_link"."""
        with self._lock:
            return Counter(self._dropped)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often a message was refused, and when it may be sent again."""

    count: int
    retry_at_s: float


class Memory:
    """What one connection leaves to the next; used by the session's thread alone.

    Attributes:
        states: The last acknowledged LATEST message of each topic, published again at a birth,
            because a broker that restarted may have forgotten what it retained.
        refusals: Stored messages that the broker refused, by their number.
        unanswered: How often a message abroad was sent at a birth without an answer, by topic.
        complaint: What it said, until a stored message is acknowledged again.
    """

    def __init__(self) -> None:
        self.states: OrderedDict[str, Message] = OrderedDict()
        self.refusals: dict[int, Refusal] = {}
        self.unanswered: Counter[str] = Counter()
        self.complaint: Trouble | None = None
        self.round_trips = RoundTrips()

    def remember(self, message: Message) -> None:
        """Keep the newest message of a topic; the topic unused for longest gives way."""
        self.states[message.topic] = message
        self.states.move_to_end(message.topic)
        if len(self.states) > MAX_REMEMBERED:
            self.states.popitem(last=False)
