"""The C array against the file, the arena's estimate against what TFLM itself has used."""

import re
import subprocess
from pathlib import Path

import pytest

from firmware_export.errors import ModelFileError
from firmware_export.export import export_model_data
from firmware_export.model_data import arena_hint_bytes, resolver_methods
from firmware_export.model_file import Model, load_model
from firmware_export.output import fill_directory
from firmware_export.target import TARGETS
from quantize.emit.tflite_int8 import emit_tflite
from quantize.load.tflite_file import read_tflite
from tests.firmware_export.int_graphs import EVERY_OPERATION, residual_graph

# Bytes that MicroInterpreter::arena_used_bytes() said on a Cortex-M4: reference, CMSIS-NN.
USED_BYTES = {
    "ad_fcae": (2_260, 2_580),
    "kws_dscnn": (22_772, 22_820),
    "ic_resnet8": (54_340, 54_996),
    "vww_mbv1_025": (100_660, 100_708),
}
# The interface of TFLM as far as the resolver's header uses it.
RESOLVER_H = """
#pragma once
typedef int TfLiteStatus;
enum { kTfLiteOk, kTfLiteError };
namespace tflite {
template <unsigned int most>
class MicroMutableOpResolver {
 public:
  unsigned int count = 0;
  TfLiteStatus AddAdd() { return Add(); }
  TfLiteStatus AddAveragePool2D() { return Add(); }
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddFullyConnected() { return Add(); }
  TfLiteStatus AddReshape() { return Add(); }
  TfLiteStatus AddSoftmax() { return Add(); }
 private:
  TfLiteStatus Add() { return ++count > most ? kTfLiteError : kTfLiteOk; }
};
}
"""
PROGRAM = """
#include "net_model_data.h"
#include "net_op_resolver.h"
#include <cstdio>
int main() {
  net_op_resolver resolver;
  if (net_register_ops(resolver) != kTfLiteOk || (unsigned long)net_model_data % 16 != 0) return 1;
  return fwrite(net_model_data, 1, NET_MODEL_DATA_BYTES, stdout) == NET_MODEL_DATA_BYTES ? 0 : 1;
}
"""


def model() -> Model:
    graph = residual_graph()
    return Model("m", graph, "0" * 64, tflite=emit_tflite(graph))


@pytest.mark.gcc
def test_the_array_is_the_file_and_the_resolver_is_full(tmp_path: Path) -> None:
    given = model()
    fill_directory(tmp_path, export_model_data(given, TARGETS["host"], prefix="net").files)
    header = tmp_path / "tensorflow" / "lite" / "micro" / "micro_mutable_op_resolver.h"
    header.parent.mkdir(parents=True)
    header.write_text(RESOLVER_H)
    (tmp_path / "app.cpp").write_text(PROGRAM)

    strict = ["-Wall", "-Wextra", "-Werror"]
    for command in (
        ["gcc", "-std=c99", *strict, "-c", "net_model_data.c"],
        ["g++", "-std=c++17", *strict, "-I.", "-o", "app", "app.cpp", "net_model_data.o"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "app"], check=True, capture_output=True)

    assert done.stdout == given.tflite


def test_the_record_says_what_flash_and_arena_take() -> None:
    given = model()
    made = export_model_data(given, TARGETS["host"], prefix="net")

    assert given.tflite is not None
    assert made.record.flash_bytes == len(given.tflite)
    macro = f"#define NET_TENSOR_ARENA_BYTES {made.record.ram_bytes}\n"
    assert macro in made.files["net_model_data.h"].decode()
    assert made.record.files == sorted(made.files)
    assert made.record.vectors == 0


@pytest.mark.parametrize("name", EVERY_OPERATION)
def test_every_method_is_one_of_the_resolver(name: str) -> None:
    known = {
        "Add",
        "AveragePool2D",
        "Concatenation",
        "Conv2D",
        "DepthwiseConv2D",
        "FullyConnected",
        "Gather",
        "HardSwish",
        "L2Normalization",
        "LeakyRelu",
        "LogSoftmax",
        "ReduceMax",
        "Sum",
        "Unpack",
        "Logistic",
        "Maximum",
        "MaxPool2D",
        "Mean",
        "Minimum",
        "Mul",
        "Pad",
        "ArgMax",
        "PadV2",
        "Prelu",
        "Quantize",
        "Relu",
        "Relu6",
        "Reshape",
        "ResizeBilinear",
        "ResizeNearestNeighbor",
        "Slice",
        "Softmax",
        "Split",
        "SplitV",
        "StridedSlice",
        "Sub",
        "Tanh",
        "Transpose",
        "TransposeConv",
        "Squeeze",
        "ExpandDims",
        "Pack",
        "DepthToSpace",
        "SpaceToDepth",
    }

    methods = resolver_methods(emit_tflite(EVERY_OPERATION[name]), "m")

    assert len(methods) == len(set(methods))
    assert {method.removeprefix("Add") for method in methods} <= known


def test_a_model_without_a_tflite_file_is_refused() -> None:
    with pytest.raises(ModelFileError, match="m: no TFLite file"):
        export_model_data(Model("m", residual_graph(), "0" * 64), TARGETS["host"])


@pytest.mark.shared_assets
@pytest.mark.parametrize("name", USED_BYTES)
def test_the_estimate_is_enough_and_not_much_more(name: str, shared: Path) -> None:
    loaded = load_model(shared / "models" / "mlperf_tiny" / f"{name}_int8_official.tflite")
    assert loaded.tflite is not None

    hint = arena_hint_bytes(loaded.graph, len(read_tflite(loaded.tflite, name).operators))

    used = max(USED_BYTES[name])
    assert used <= hint <= 1.05 * used + 1536
    assert all(re.fullmatch(r"Add[A-Z]\w+", m) for m in resolver_methods(loaded.tflite, name))
