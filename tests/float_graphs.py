"""Random float graphs, and what must hold of every pass: the result stays."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from quantize.ir.float_executor import execute_float
from quantize.ir.graph import Array, FloatGraph
from quantize.ir.ops import (
    Activate,
    Activation,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    LeakyRelu,
    MaxPool2D,
    Minimum,
    Mul,
    Operation,
    Pad,
    Padding,
    PadFill,
    Reshape,
    Sub,
    Transpose,
)
from quantize.ir.shapes import infer_shape
from tests.models import float_graph

Shape = tuple[int, ...]

TOLERANCE = 1e-5  # of the greatest output
KINDS = ("conv", "depthwise", "maxpool", "avgpool", "pad", "lowest", "add", "mul", "clamp")
BENDING = ("leaky", "swish", "lesser")
SHAPING = ("transpose", "reshape", "residual", "difference", "concat")


def assert_keeps_result(rewrite: Callable[[FloatGraph], FloatGraph], graph: FloatGraph) -> None:
    """Run both graphs on the same samples and compare; the interface stays as well."""
    changed = rewrite(graph)
    rng = np.random.default_rng(5)
    inputs = {n: rng.normal(size=(2, *graph.tensors[n].shape[1:])) for n in graph.inputs}
    fed = {name: values.astype(np.float32) for name, values in inputs.items()}
    before, after = execute_float(graph, fed), execute_float(changed, fed)

    assert (changed.inputs, changed.outputs) == (graph.inputs, graph.outputs)
    for name, wanted in before.items():
        bound = TOLERANCE * max(1.0, float(np.abs(wanted).max()))
        assert after[name].shape == wanted.shape
        assert np.abs(after[name] - wanted).max() <= bound


@st.composite
def float_graphs(draw: st.DrawFn) -> FloatGraph:
    """Return a chain of operations on an image, some read twice, some behind it on rows."""
    chain = _Chain(np.random.default_rng(draw(st.integers(0, 2**16))))
    for kind in draw(
        st.lists(st.sampled_from((*KINDS, *BENDING, *SHAPING)), min_size=1, max_size=7)
    ):
        chain.grow(kind)
    if draw(st.booleans()):
        chain.connect()
    return float_graph(
        chain.operations, {"x": (1, 7, 6, 3)}, chain.constants, declared=chain.shapes
    )


class _Chain:
    """A graph as it grows; each step reads what the last one made."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.last = "x"
        self.shapes: dict[str, Shape] = {"x": (1, 7, 6, 3)}
        self.constants: dict[str, Array] = {}
        self.operations: list[Operation] = []

    def grow(self, kind: str) -> None:
        name, shape = f"t{len(self.operations)}", self.shapes[self.last]
        if kind in SHAPING:
            self._shape(kind, name, shape)
        elif kind in BENDING:
            self._bend(kind, name, shape)
        elif kind in {"add", "mul"}:
            values = self._constant(f"{name}/c", self.rng.choice(["channel", "one", "all"]), shape)
            left, right = self.rng.permutation([self.last, values])
            kinds = {"add": Add, "mul": Mul}
            self._append(kinds[kind](str(left), str(right), name, self._activation()))
        elif kind == "clamp":
            clamp = (Activation.RELU, Activation.RELU6)[self.rng.integers(2)]
            self._append(Activate(self.last, name, clamp))
        elif kind in {"pad", "lowest"} and min(shape[1:3]) > 1:
            amounts = tuple((int(a), int(b)) for a, b in self.rng.integers(0, 2, (2, 2)))
            fill = PadFill.ZERO if kind == "pad" else PadFill.LOWEST
            self._append(Pad(self.last, name, ((0, 0), *amounts, (0, 0)), fill))
            if kind == "lowest":  # the lowest value is for a max pool and nothing else
                self._append(MaxPool2D(name, f"{name}/max", (2, 2), (1, 1)))
        elif kind in {"conv", "depthwise", "maxpool", "avgpool"}:
            self._window(kind, name, shape)

    def _bend(self, kind: str, name: str, shape: Shape) -> None:
        if kind == "leaky":
            self._append(LeakyRelu(self.last, name, 0.25))
        elif kind == "swish":
            self._append(HardSwish(self.last, name))
        else:
            bound = self._constant(f"{name}/c", self.rng.choice(["channel", "one", "all"]), shape)
            self._append(Minimum(self.last, bound, name))

    def connect(self) -> None:
        size = int(np.prod(self.shapes[self.last]))
        self.constants["fc/w"] = self.rng.normal(size=(4, size)).astype(np.float32)
        self._append(FullyConnected(self.last, "fc/w", None, "fc"))

    def _window(self, kind: str, name: str, shape: Shape) -> None:
        kernel = tuple(int(min(self.rng.integers(1, 4), size)) for size in shape[1:3])
        top, bottom, left, right = (int(v) for v in self.rng.integers(0, min(kernel), 4))
        padding = Padding(top, bottom, left, right)
        stride = tuple(int(v) for v in self.rng.integers(1, 3, 2))
        if kind in {"maxpool", "avgpool"}:
            pool = MaxPool2D if kind == "maxpool" else AveragePool2D
            self._append(pool(self.last, name, kernel, stride, padding, self._activation()))
            return
        is_depthwise = kind == "depthwise"
        out = shape[3] * 2 if is_depthwise else 4
        weight = (1, *kernel, out) if is_depthwise else (out, *kernel, shape[3])
        self.constants[f"{name}/w"] = self.rng.normal(size=weight).astype(np.float32)
        bias = None
        if self.rng.integers(2):
            bias = f"{name}/b"
            self.constants[bias] = self.rng.normal(size=out).astype(np.float32)
        layer = DepthwiseConv2D if is_depthwise else Conv2D
        self._append(
            layer(self.last, f"{name}/w", bias, name, stride, (1, 1), padding, self._activation())
        )

    def _shape(self, kind: str, name: str, shape: Shape) -> None:
        if kind == "transpose":
            permutation = (0, *(int(axis) for axis in 1 + self.rng.permutation(3)))
            self._append(Transpose(self.last, name, permutation))
        elif kind == "reshape":
            self.shapes[name] = (1, shape[2], shape[1], shape[3])
            self._append(Reshape(self.last, name))
        elif kind in {"residual", "difference"}:
            self._append(Activate(self.last, f"{name}/r", Activation.RELU))
            join = Add if kind == "residual" else Sub
            self._append(join(self.operations[-1].output, self._before(), name))
        else:
            self._append(Concat((self.last, self.last), name, 3))

    def _before(self) -> str:
        operation = self.operations[-1]
        assert isinstance(operation, Activate)
        return operation.input

    def _constant(self, name: str, spread: str, shape: Shape) -> str:
        sizes = {"channel": (1, 1, 1, shape[3]), "one": (1, 1, 1, 1), "all": shape}
        self.constants[name] = self.rng.normal(size=sizes[spread]).astype(np.float32)
        return name

    def _activation(self) -> Activation:
        return (Activation.NONE, Activation.NONE, Activation.RELU)[self.rng.integers(3)]

    def _append(self, operation: Operation) -> None:
        known = {**self.shapes, **{name: value.shape for name, value in self.constants.items()}}
        shape = infer_shape(operation, known, self.shapes.get(operation.output))
        self.shapes[operation.output] = shape
        self.operations.append(operation)
        self.last = operation.output
