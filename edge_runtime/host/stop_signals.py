"""The signals that ask the daemon to stop, held back until it waits for them."""

import signal

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def hold_back_signals() -> None:
    """Block the stop signals; `Daemon.run` waits for them. Threads and workers inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def wait_for_stop(timeout_s: float) -> signal.Signals | None:
    """Wait for a stop signal, and return it, None where none came.

    CPython's sigtimedwait returns what happens to lie in memory where it was interrupted (SIGSTOP
    and SIGCONT, a debugger) and the time is over meanwhile; what is no stop signal did not come.
    Source: CPython 3.11, Modules/signalmodule.c, `signal_sigtimedwait_impl`.
    """
    received = signal.sigtimedwait(STOP_SIGNALS, timeout_s)
    if received is None or received.si_signo not in STOP_SIGNALS:
        return None
    return signal.Signals(received.si_signo)
