"""What mosquitto is told: a device is who its certificate says, and keeps to its own topics.

Source: mosquitto.conf(5): `use_identity_as_username` takes the certificate's common name,
`use_username_as_clientid` leaves no other client id, `pattern` puts the name in for %u.
"""

from pathlib import Path

ACCESS_RULES = """\
# Devices: their own tree, and nothing of another's. The name is the certificate's.
pattern write edge/v1/+/%u/status
pattern write edge/v1/+/%u/info
pattern write edge/v1/+/%u/health
pattern write edge/v1/+/%u/alert
pattern write edge/v1/+/%u/gaps
pattern write edge/v1/+/%u/cfg/reported
pattern write edge/v1/+/%u/p/#
pattern write edge/v1/+/%u/reply/#
pattern read edge/v1/+/%u/cmd/#
pattern read edge/v1/+/%u/cfg/desired
pattern read edge/v1/+/%u/ack
# For mqtt.home_assistant = true.
pattern write homeassistant/device/%u/config
topic read homeassistant/status

# Who reads and commands the fleet: one such block for each, with a certificate of that name.
user operator
topic readwrite edge/v1/#
topic readwrite homeassistant/#
"""


def broker_settings(port: int, authority: Path, certificate: Path, key: Path, rules: Path) -> str:
    """Return mosquitto's configuration for a fleet with certificates."""
    return f"""\
listener {port}
cafile {authority}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {rules}
persistence true
# Take one message at most of this size; the daemon's own bound is 128 KiB.
message_size_limit 262144
"""
