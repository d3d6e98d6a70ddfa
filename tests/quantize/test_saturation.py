"""A host whose kernels clip pairs of products is told by exact arithmetic."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from quantize.saturation import (
    DEPTH,
    EXPECTED_CODE,
    WEIGHT,
    Codes,
    probe_model,
    saturating,
    warn_of_saturation,
)


def vpmaddubsw(model: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Compute the probe as x86 without VNNI does where activations are unsigned."""
    known = {
        t.name: onnx.numpy_helper.to_array(t)
        for t in onnx.load_from_string(model).graph.initializer
    }
    products = inputs["x"].astype(np.int64)[0, :, None] * known["weight"].astype(np.int64)
    pairs = products.reshape(DEPTH // 2, 2, -1).sum(axis=1)
    if known["zero"].dtype == np.uint8:
        pairs = np.clip(pairs, -(2**15), 2**15 - 1)
    return np.rint(pairs.sum(axis=0, keepdims=True) / known["step"]).astype(np.float32)


@pytest.mark.ort
def test_this_host_adds_signed_codes_exactly() -> None:
    assert Codes.SIGNED not in saturating()


@pytest.mark.ort
def test_a_host_with_vnni_adds_all_codes_exactly() -> None:
    facts = Path("/proc/cpuinfo")
    if not facts.exists() or "vnni" not in facts.read_text():
        pytest.skip("the CPU has no VNNI")

    assert saturating() == ()


def test_a_host_that_clips_pairs_is_found_out() -> None:
    assert saturating(vpmaddubsw) == (Codes.UNSIGNED,)


def test_the_sum_of_the_probe_does_not_fit_into_16_bits() -> None:
    assert 255 * WEIGHT * 2 > 2**15
    assert EXPECTED_CODE < 127


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((Codes.SIGNED,), "reduce_range or another host"),
        ((Codes.UNSIGNED,), "figures are no other host's"),
        ((Codes.SIGNED, Codes.UNSIGNED), "figures are no other host's"),
    ],
)
def test_such_a_host_is_warned_of(
    found: tuple[Codes, ...], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_saturation(found)

    assert said in caplog.text


def test_an_exact_host_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_saturation(())

    assert not caplog.text
    assert probe_model(Codes.SIGNED) != probe_model(Codes.UNSIGNED)
