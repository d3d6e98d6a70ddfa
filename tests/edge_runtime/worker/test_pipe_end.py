"""The worker's end of the pipe."""

import multiprocessing
import threading

import pytest

from edge_runtime.link import Failed, Pause
from edge_runtime.worker.pipe_end import ParentGoneError, WorkerLink


def test_records_of_many_threads_arrive_whole() -> None:
    ours, theirs = multiprocessing.Pipe()
    link = WorkerLink(theirs)

    def talk(name: int) -> None:
        for _ in range(50):
            link.send(Failed(str(name) * 5000, False))

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    heard = [ours.recv() for _ in range(200)]
    for thread in threads:
        thread.join()

    assert sorted({record.why[0] for record in heard}) == ["0", "1", "2", "3"]
    assert all(len(set(record.why)) == 1 for record in heard)
    ours.close()
    theirs.close()


def test_a_command_is_received_or_there_is_none() -> None:
    ours, theirs = multiprocessing.Pipe()
    link = WorkerLink(theirs)

    assert link.receive(0.0) is None
    ours.send(Pause())
    assert link.receive(5.0) == Pause()
    ours.close()
    theirs.close()


def test_a_supervisor_that_is_gone_is_noticed_both_ways() -> None:
    ours, theirs = multiprocessing.Pipe()
    link = WorkerLink(theirs)
    ours.close()

    with pytest.raises(ParentGoneError):
        link.receive(5.0)
    with pytest.raises(ParentGoneError):
        link.send(Failed("x", False))
    theirs.close()
