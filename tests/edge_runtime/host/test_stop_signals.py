"""Stop signals are waited for; a process that stood still was not told to stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

WAITS = """
from edge_runtime.host.stop_signals import hold_back_signals, wait_for_stop
hold_back_signals()
print("waiting", flush=True)
while (received := wait_for_stop(0.05)) is None:
    print("none", flush=True)
print(received.name, flush=True)
"""


@pytest.fixture
def waiting() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_t2_standing_still_is_no_signal_to_stop(waiting: "subprocess.Popen[str]") -> None:
    for _ in range(5):
        os.kill(waiting.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, waiting.pid, os.WSTOPPED | os.WNOWAIT)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.15)  # longer than it waits for a signal
        os.kill(waiting.pid, signal.SIGCONT)
    waiting.send_signal(signal.SIGTERM)

    assert waiting.wait(20) == 0
    assert waiting.stdout is not None
    *others, last = waiting.stdout.read().split()
    assert set(others) <= {"none"}
    assert last == "SIGTERM"
