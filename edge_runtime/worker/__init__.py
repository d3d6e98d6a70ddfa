"""The process of one pipeline: source, model and the two loops between them."""
