"""Pruning: fewer channels, or weights that are zero; what is taken away is made up for."""
