"""Topics of a Sparkplug edge node: `spBv1.0/<group>/<what>/<node>[/<device>]`.

Source: Sparkplug 3.0.0 specification, section 4.1.
"""

from dataclasses import dataclass

NAMESPACE = "spBv1.0"


@dataclass(frozen=True, slots=True)
class Names:
    """The node's place among the hosts' nodes."""

    group: str
    node: str

    @property
    def commands(self) -> str:
        """Return where hosts command the node."""
        return self.of("NCMD")

    def of(self, what: str, device: str | None = None) -> str:
        """Return the topic of a node's message, or of a device's."""
        topic = f"{NAMESPACE}/{self.group}/{what}/{self.node}"
        return topic if device is None else f"{topic}/{device}"
