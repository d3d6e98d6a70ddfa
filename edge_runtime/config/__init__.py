"""The configuration file: its shape, how it is read, and what its errors suggest."""
