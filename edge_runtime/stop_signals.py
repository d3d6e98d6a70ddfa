"""The signals that ask the daemon to stop, held back until it waits for them."""

import signal

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def hold_back_signals() -> None:
    """Block the stop signals; `Daemon.run` waits for them. Threads and workers inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
