"""The systemd unit for exactly one configuration: what it needs, and nothing beside."""
