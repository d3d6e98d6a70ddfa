"""What is written to a device's card, on the machine that writes it; no device imports this."""
