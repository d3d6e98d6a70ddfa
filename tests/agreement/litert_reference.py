"""LiteRT's reference kernels: the judge of our integers."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from quantize.emit.tflite_int8 import emit_tflite
from quantize.ir.graph import Array, IntGraph


def run_reference(
    model: bytes, graph: IntGraph, inputs: dict[str, Array], *, keep_all: bool = False
) -> dict[str, Array]:
    """Return the outputs of a file by name, over a batch of samples fed one by one.

    With `keep_all`, every tensor of the graph that is not constant.
    """
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=keep_all,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    # By position: TFLite keeps the order, and official files name tensors twice.
    feeds = [detail["index"] for detail in interpreter.get_input_details()]
    if keep_all:
        made = {op.output for op in graph.operations}
        details = interpreter.get_tensor_details()
        reads = [(d["name"], d["index"]) for d in details if d["name"] in made]
    else:
        indices = (detail["index"] for detail in interpreter.get_output_details())
        reads = list(zip(graph.outputs, indices, strict=True))
    samples = []
    for number in range(len(next(iter(inputs.values())))):
        for name, index in zip(graph.inputs, feeds, strict=True):
            interpreter.set_tensor(index, inputs[name][number : number + 1])
        interpreter.invoke()
        samples.append([interpreter.get_tensor(index) for _, index in reads])
    columns = zip(*samples, strict=True)
    return {name: np.concatenate(column) for (name, _), column in zip(reads, columns, strict=True)}


def run_emitted(graph: IntGraph, inputs: dict[str, Array]) -> dict[str, Array]:
    """Return the outputs of the graph's emitted file."""
    return run_reference(emit_tflite(graph), graph, inputs)
