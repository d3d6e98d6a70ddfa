"""MQTT: topics, the session with the broker, and the outbox that outlives both."""
