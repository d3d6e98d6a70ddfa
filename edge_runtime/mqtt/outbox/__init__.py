"""Messages that wait for the broker: bounded, ordered, durable, honest about what was dropped."""
