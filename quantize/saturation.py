"""Whether this host's integer kernels saturate: x86 without VNNI adds pairs of products in 16 bits.

VPMADDUBSW multiplies unsigned by signed bytes and adds two products, clipped to int16, where
255 * 127 * 2 has no place. The oracle is exact arithmetic: a layer of extreme codes whose result
is known. Our ONNX files are unsigned by signed; codes that are looked at inside, and others' files,
may be signed by signed, which ONNX Runtime makes unsigned where it can. Both are tried.

Source: ONNX Runtime, "Quantize ONNX Models", on U8S8 and reduce_range.
"""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from quantize.executors import OnnxRunner
from quantize.ir.graph import Array

DEPTH, WIDTH = 64, 32
WEIGHT = 127
EXPECTED_CODE = 100
_LOG = logging.getLogger(__name__)

Run: TypeAlias = Callable[[bytes, dict[str, Array]], Array]


class Codes(StrEnum):
    """What an activation's codes are; weights are signed."""

    SIGNED = "S8S8"
    UNSIGNED = "U8S8"


def run_probe(model: bytes, inputs: dict[str, Array]) -> Array:
    """Return the probe's output on ONNX Runtime."""
    return OnnxRunner(model)(inputs)["y"]


def saturating(run: Run = run_probe) -> tuple[Codes, ...]:
    """Return the kinds of codes whose kernels on this host do not add exactly."""
    return tuple(codes for codes in Codes if _code_of(run, codes) != EXPECTED_CODE)


def warn_of_saturation(found: tuple[Codes, ...]) -> None:
    """Log what a host that saturates means for the figures measured on it."""
    if Codes.UNSIGNED in found:
        _LOG.warning(
            "this host's ONNX Runtime saturates U8S8 sums, which our ONNX files are made of: its"
            " figures are no other host's; measure where the CPU has VNNI, or on Arm"
        )
    elif found:
        _LOG.warning(
            "this host's ONNX Runtime saturates S8S8 sums: our ONNX files (U8S8) are exact here,"
            " others' need reduce_range or another host"
        )


def probe_model(codes: Codes) -> bytes:
    """Return a layer of greatest products whose sum has the magnitude EXPECTED_CODE."""
    kind = np.int8 if codes is Codes.SIGNED else np.uint8
    weight = np.full((DEPTH, WIDTH), WEIGHT, np.int8)
    total = abs(float(greatest_code(codes))) * WEIGHT * DEPTH
    constants = {
        "one": np.float32(1), "zero": kind(0), "weight": weight, "weight_zero": np.int8(0),
        "step": np.float32(total / EXPECTED_CODE),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["x_codes"]),
        helper.make_node("DequantizeLinear", ["x_codes", "one", "zero"], ["x_real"]),
        helper.make_node("DequantizeLinear", ["weight", "one", "weight_zero"], ["weight_real"]),
        helper.make_node("MatMul", ["x_real", "weight_real"], ["sum"]),
        helper.make_node("QuantizeLinear", ["sum", "step", "zero"], ["sum_codes"]),
        helper.make_node("DequantizeLinear", ["sum_codes", "one", "zero"], ["y"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
        for name, size in (("x", DEPTH), ("y", WIDTH))
    ]
    known = [numpy_helper.from_array(np.asarray(value), n) for n, value in constants.items()]
    graph = helper.make_graph(nodes, "probe", ports[:1], ports[1:], known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def greatest_code(codes: Codes) -> int:
    """Return the code of greatest magnitude."""
    return -128 if codes is Codes.SIGNED else 255


def _code_of(run: Run, codes: Codes) -> int:
    """Return the magnitude of the output's code, the one that is furthest off."""
    row: npt.NDArray[np.float32] = np.full((1, DEPTH), greatest_code(codes), np.float32)
    made = np.abs(run(probe_model(codes), {"x": row}))
    return int(made.ravel()[np.argmax(np.abs(made - EXPECTED_CODE))])
