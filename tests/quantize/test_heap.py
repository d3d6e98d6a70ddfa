import sys

import pytest

from quantize.heap import keep_heap_small


@pytest.mark.skipif(sys.platform != "linux", reason="another C library")
def test_glibc_can_be_told_to_share_one_arena() -> None:
    assert keep_heap_small()


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert not keep_heap_small()
