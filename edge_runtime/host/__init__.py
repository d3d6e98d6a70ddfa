"""The machine below us: readings, clocks, locks and signals."""
