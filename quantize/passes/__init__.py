"""Rewrites of a float graph that keep its result; `simplify` runs them in order."""
