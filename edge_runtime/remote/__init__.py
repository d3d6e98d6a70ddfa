"""What others may tell the device: commands, and the state that it is wished to have."""
