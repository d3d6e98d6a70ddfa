"""What became of the model: metrics, parity of the executors, error per layer, the report."""
