"""Rewrites of a float graph that keep its result, one a file; `simplify` runs them all."""
