"""What samples show of a model: data, histograms, ranges."""
