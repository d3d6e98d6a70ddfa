"""What was written in the last hour, over processes that come and go."""

from pathlib import Path

from edge_runtime.host.written import Written


def write(proc: Path, pid: int, written: int) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "io").write_text(f"rchar: 1\nwrite_bytes: {written}\n")


def test_each_process_adds_what_it_adds(tmp_path: Path) -> None:
    written = Written(tmp_path)
    write(tmp_path, 1, 5000)
    assert written.last_hour([1], 0.0) == 0  # before we looked
    write(tmp_path, 1, 6000)
    write(tmp_path, 2, 300)  # a new worker

    assert written.last_hour([1, 2], 10.0) == 1300
    write(tmp_path, 3, 70)  # in place of the second, which has died
    assert written.last_hour([1, 3], 20.0) == 1370


def test_what_is_older_than_an_hour_no_longer_counts(tmp_path: Path) -> None:
    written = Written(tmp_path)
    for hour in range(4):
        write(tmp_path, 1, 100 * hour)
        found = written.last_hour([1, 9], 3600.0 * hour)

    assert found == 100
