import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.programs import find_program, run


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_runtime.image.programs.SYSTEM_PROGRAMS", "")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ImageError, match="mcopy is not installed: apt-get install mtools"):
        find_program("mcopy")


def test_a_failure_tells_the_last_line() -> None:
    with pytest.raises(ImageError, match=r"sh failed \(3\): over"):
        run("sh", "-c", "echo begun >&2; echo over >&2; exit 3")


def test_a_silent_failure_says_so() -> None:
    with pytest.raises(ImageError, match=r"sh failed \(1\): silently"):
        run("sh", "-c", "exit 1")


def test_standard_input_and_environment_arrive() -> None:
    assert run("sh", "-c", 'cat; printf "$EDGE"', stdin=b"a", environment={"EDGE": "b"}) == b"ab"
