"""Sides: a model of any kind, opened so that it can be compared with one of any other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from quantize.calibrate.dataset import Batch, ModelInput
from quantize.compare.exported_c import ExportedC, build_exported_c, is_export
from quantize.emit.onnx_float import emit_float_onnx
from quantize.executors import Kernels, OnnxRunner, TfliteRunner
from quantize.ir.graph import Array, FloatGraph, IntGraph, TensorType
from quantize.ir.interpreter import trace
from quantize.ir.ops import Operation
from quantize.load.loaded import LoadedModel
from quantize.load.open import ModelFormat, OpenedModel, open_model
from quantize.measure import Reals, onnx_executor, tflite_executor
from quantize.report.codes import codes_by_name, reals_by_name, to_codes, to_reals
from quantize.report.layers import Tracer
from quantize.report.parity import Executor, Runner
from quantize.report.subgraphs import alone, float_alone, logits_name, with_logits
from quantize.saturation import saturating, warn_of_saturation

Alone = Callable[[str], Reals]  # the operation that makes a tensor, by the tensor's name


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What can be seen inside of a model that was loaded as a graph.

    Attributes:
        graph: Of the whole model.
        trace: Reals in, every tensor that an operation makes as reals; of integers the
            interpreter's.
        alone: Runs one operation on the model's own runtime.
    """

    graph: FloatGraph | IntGraph
    trace: Tracer
    alone: Alone


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two models, ready to run on reals.

    Attributes:
        name: For messages.
        inputs: What it takes.
        output: Name of its first output.
        kind: Of that: shape with the batch of 1, element type, scale.
        logits: Name of what a last softmax or logistic flattened, where the model shows it.
        run: Reals in; the first output and the logits as reals.
        inside: None for compiled code.
        task_hint: What the file itself says of its task.
    """

    name: str
    inputs: tuple[ModelInput, ...]
    output: str
    kind: TensorType
    logits: str | None
    run: Reals
    inside: Inside | None
    task_hint: str | None = None


def open_side(path: Path, kernels: Kernels = Kernels.DEFAULT) -> Side:
    """Return a float or int8 ONNX or TFLite file, or a directory of exported C, ready to run.

    Float models run on ONNX Runtime as the graphs that were loaded; int8 models from their own
    file, on the runtime of its format; exported C as this machine's compiler builds it.

    Args:
        path: The file or directory.
        kernels: Which of LiteRT's run int8 TFLite files.

    Raises:
        ModelError: It cannot be read, or the exported C cannot be built.
    """
    if is_export(path):
        return _c_side(path.name, build_exported_c(path))
    opened = open_model(path)
    if isinstance(opened.content, IntGraph):
        return _int8_side(opened, opened.content, kernels)
    return _float_side(opened.name, opened.content)


def _float_side(name: str, loaded: LoadedModel) -> Side:
    graph, logits = loaded.graph, logits_name(loaded.graph)
    made = [operation.output for operation in graph.operations]

    def one(tensor: str) -> Reals:
        return OnnxRunner(emit_float_onnx(float_alone(graph, _maker(graph, tensor))))

    return Side(
        name=name,
        inputs=_inputs(graph, loaded.input_permutations),
        output=graph.outputs[0],
        kind=graph.tensors[graph.outputs[0]],
        logits=logits,
        run=OnnxRunner(emit_float_onnx(graph, tuple(dict.fromkeys((graph.outputs[0], logits))))),
        inside=Inside(graph, OnnxRunner(emit_float_onnx(graph, made)), one),
        task_hint=loaded.task_hint,
    )


def _int8_side(opened: OpenedModel, graph: IntGraph, kernels: Kernels) -> Side:
    is_tflite = opened.format is ModelFormat.TFLITE
    executor = tflite_executor(kernels) if is_tflite else onnx_executor
    whole: Runner = (
        TfliteRunner(opened.data, kernels=kernels) if is_tflite else onnx_executor(graph)
    )
    if not is_tflite:
        warn_of_saturation(saturating())
    logits = logits_name(graph)
    beside = None if logits == graph.outputs[0] else executor(with_logits(graph))

    def run(batch: Batch) -> Mapping[str, Array]:
        codes = codes_by_name(graph, batch)
        answers = reals_by_name(graph, whole(codes))
        return answers if beside is None else answers | _only(graph, beside(codes), logits)

    def traced(batch: Batch) -> Mapping[str, Array]:
        codes = trace(graph, codes_by_name(graph, batch))
        return reals_by_name(graph, {one.output: codes[one.output] for one in graph.operations})

    return Side(
        name=opened.name,
        inputs=_inputs(graph, {}),
        output=graph.outputs[0],
        kind=graph.tensors[graph.outputs[0]],
        logits=logits,
        run=run,
        inside=Inside(graph, traced, _int8_alone(graph, executor)),
    )


def _int8_alone(graph: IntGraph, executor: Executor) -> Alone:
    def one(tensor: str) -> Reals:
        part = alone(graph, _maker(graph, tensor))
        runner = executor(part)
        return lambda batch: reals_by_name(part, runner(codes_by_name(part, batch)))

    return one


def _only(graph: IntGraph, codes: Mapping[str, Array], name: str) -> dict[str, Array]:
    return dict(reals_by_name(graph, {name: codes[name]}))


def _c_side(name: str, code: ExportedC) -> Side:
    kinds = {port.name: port.kind for port in (*code.inputs, *code.outputs)}

    def run(batch: Batch) -> Mapping[str, Array]:
        codes = code({tensor: to_codes(values, kinds[tensor]) for tensor, values in batch.items()})
        return {tensor: to_reals(values, kinds[tensor].quant) for tensor, values in codes.items()}

    first = code.outputs[0].name
    return Side(
        name=name,
        inputs=tuple(ModelInput(port.name, port.shape) for port in code.inputs),
        output=first,
        kind=kinds[first],
        logits=None,
        run=run,
        inside=None,
    )


def _maker(graph: FloatGraph | IntGraph, tensor: str) -> Operation:
    return next(one for one in graph.operations if one.output == tensor)


def _inputs(
    graph: FloatGraph | IntGraph, permutations: Mapping[str, tuple[int, ...]]
) -> tuple[ModelInput, ...]:
    return tuple(
        ModelInput(name, graph.tensors[name].shape, permutations.get(name)) for name in graph.inputs
    )
