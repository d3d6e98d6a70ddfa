"""The flight recorder: a pipeline's last seconds in memory, written when something goes wrong."""
