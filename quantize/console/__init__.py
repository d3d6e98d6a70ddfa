"""Console: what a person at a terminal sees."""
