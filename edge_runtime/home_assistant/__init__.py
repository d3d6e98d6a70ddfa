"""Describes this device to Home Assistant, over MQTT, so that nobody has to write entities."""
