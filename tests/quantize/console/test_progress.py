import io

from rich.console import Console

from quantize.console.progress import Progress


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    stream = io.StringIO()

    with Progress(Console(file=stream)) as progress:
        progress.watch("load", 0, 0)
        progress.watch("calibrate", 3, 10)

    assert stream.getvalue() == ""
    assert list(progress.seconds()) == ["load", "calibrate"]


def test_a_terminal_shows_the_stage_at_hand() -> None:
    stream = io.StringIO()

    with Progress(Console(file=stream, force_terminal=True, width=80)) as progress:
        progress.watch("calibrate", 3, 10)
        progress.watch("calibrate", 4, 10)

    assert "calibrate" in stream.getvalue()


def test_a_stage_that_comes_back_adds_up() -> None:
    with Progress(Console(file=io.StringIO())) as progress:
        for stage in ("a", "b", "a"):
            progress.watch(stage, 0, 0)

    assert list(progress.seconds()) == ["a", "b"]


def test_the_peak_of_memory_never_falls_from_stage_to_stage() -> None:
    with Progress(Console(file=io.StringIO())) as progress:
        progress.watch("a", 0, 0)
        progress.watch("b", 0, 0)

    peaks = progress.peaks_rss_bytes()
    assert list(peaks) == ["a", "b"]
    assert 1 << 20 < peaks["a"] <= peaks["b"]


def test_an_empty_stage_is_the_one_at_hand() -> None:
    stream = io.StringIO()

    with Progress(Console(file=stream, force_terminal=True, width=80)) as progress:
        progress.watch("calibrate", 0, 0)
        progress.watch("", 3, 10)

    assert list(progress.seconds()) == ["calibrate"]


def test_a_note_stays_on_a_terminal_and_is_left_out_elsewhere() -> None:
    terminal, file = io.StringIO(), io.StringIO()

    with Progress(Console(file=terminal, force_terminal=True, width=80)) as progress:
        progress.note("int8 [1], drop 0.500")
    with Progress(Console(file=file)) as progress:
        progress.note("int8 [1], drop 0.500")

    assert "int8 [1], drop 0.500" in terminal.getvalue()
    assert file.getvalue() == ""
