"""Accuracy: the same network in fewer bits with less error, one technique a file."""
