"""How a device gets its certificate: a key that never leaves it, and the fleet's own authority."""
