"""Wishes: whole or not at all, known again, kept over a restart."""

import random
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.remote.commands import CommandError
from edge_runtime.remote.shadow import (
    Desired,
    PipelineWish,
    Reported,
    Shadow,
    ShadowParts,
    decode_desired,
)
from edge_runtime.supervisor.supervised import Patience, Supervised, WorkerPlan
from tests.edge_runtime.fake_workers import fake_worker

WISH = b'{"version":7,"health_interval_s":5,"pipelines":{"door":{"paused":true,"threshold":0.9}}}'


def pipeline(name: str) -> Supervised:
    plan = WorkerPlan(name, fake_worker, dict)
    return Supervised(plan, Patience(), random.Random(1), time.monotonic, lambda: None)


def shadow_in(directory: Path, *names: str) -> Shadow:
    parts = ShadowParts(
        path=directory / "desired.json",
        boot="b00t",
        pipelines=tuple(pipeline(name) for name in names),
        reporter=SimpleNamespace(interval_s=30.0),
    )
    return Shadow(parts)


def report_of(shadow: Shadow) -> Reported:
    return msgspec.json.decode(shadow.report().payload, type=Reported)


def test_a_wish_is_fulfilled_reported_and_known_again(tmp_path: Path) -> None:
    shadow = shadow_in(tmp_path, "door")

    shadow.fulfil(WISH, WISH)

    report = report_of(shadow)
    assert (report.version, report.health_interval_s, report.seq) == (7, 5.0, 0)
    assert report.pipelines == {"door": PipelineWish(paused=True, threshold=0.9)}
    assert shadow.is_known(WISH)
    assert not shadow.is_known(WISH + b" ")


def test_a_start_without_a_broker_is_as_it_was_wished_to_be(tmp_path: Path) -> None:
    shadow_in(tmp_path, "door", "yard").fulfil(WISH, WISH)

    again = shadow_in(tmp_path, "door", "yard")

    assert report_of(again).pipelines["door"] == PipelineWish(paused=True, threshold=0.9)
    assert report_of(again).version == 7
    assert again.is_known(WISH)


def test_a_wish_for_a_pipeline_that_is_gone_is_kept_for_the_others(tmp_path: Path) -> None:
    both = b'{"version":8,"pipelines":{"door":{"paused":true},"yard":{"paused":true}}}'
    shadow_in(tmp_path, "door", "yard").fulfil(both, both)

    report = report_of(shadow_in(tmp_path, "yard"))

    assert report.pipelines == {"yard": PipelineWish(paused=True)}


def test_a_paused_pipeline_is_resumed_on_wish(tmp_path: Path) -> None:
    shadow = shadow_in(tmp_path, "door")
    shadow.fulfil(WISH, WISH)
    resume = b'{"version":8,"pipelines":{"door":{"paused":false}}}'

    shadow.fulfil(resume, resume)

    assert report_of(shadow).pipelines["door"] == PipelineWish(paused=False, threshold=0.9)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"version":-1}',
        b'{"version":1,"health_interval_s":0.1}',
        b'{"version":1,"health_interval_s":NaN}',
        b'{"version":1,"pipelines":{"a/b":{}}}',
        b'{"version":1,"pipelines":{"door":{"fps":3}}}',
        b'{"version":1,"more":1}',
        b" " * 5000,
        b"[" * 4000,
    ],
)
def test_what_is_no_wish_is_refused(payload: bytes) -> None:
    with pytest.raises(CommandError, match="cfg/desired"):
        decode_desired(payload)


@given(st.binary(max_size=200))
def test_n9_any_bytes_are_a_wish_or_a_refusal(payload: bytes) -> None:
    try:
        desired = decode_desired(payload)
    except CommandError:
        return
    assert isinstance(desired, Desired)


def test_a_damaged_file_is_no_wish(tmp_path: Path) -> None:
    (tmp_path / "desired.json").write_bytes(b"{")

    assert report_of(shadow_in(tmp_path, "door")).version is None


def test_a_disk_that_takes_nothing_does_not_stop_a_wish(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shadow = shadow_in(tmp_path / "missing", "door")

    shadow.fulfil(WISH, WISH)

    assert report_of(shadow).pipelines["door"].paused
    assert "forgotten at a restart" in caplog.text
