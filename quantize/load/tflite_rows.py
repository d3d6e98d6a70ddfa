"""Products of several rows with one constant matrix, in float files: a 1 x 1 convolution.

In int8 files TFLite rounds their factors otherwise than a convolution's, so there they are refused.
"""

from dataclasses import replace

import numpy as np

from quantize.ir.ops import Activation, Conv2D, Reshape
from quantize.load.tflite_file import FileTensor
from quantize.load.tflite_view import Operations, OperatorError, OperatorView


def read_dense_rows(view: OperatorView, activation: Activation) -> Operations:
    """Read a FULLY_CONNECTED that keeps the axes of its input."""
    matrix, bias = _matrix(view, 1), view.name(2) if view.has(2) else None
    return _convolution(view, _weight(view, 1, matrix), bias, activation)


def read_batch_matmul(view: OperatorView) -> Operations:
    """Read a BATCH_MATMUL whose right side is one constant matrix."""
    if view.options.adjX:
        raise OperatorError("transposes its left side; transpose it in front")
    matrix = _matrix(view, 1)
    rows = matrix if view.options.adjY else matrix.T
    return _convolution(view, _weight(view, 1, rows), None, Activation.NONE)


def _matrix(view: OperatorView, position: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    tensor = view.tensor(position)
    if tensor.type_name != "FLOAT32" or tensor.content is None:
        raise OperatorError(
            f"multiplies several rows with {tensor.name}, supported is a float32 constant; "
            "quantize the float model here"
        )
    values = np.frombuffer(tensor.content, "<f4").astype(np.float32)
    if int(np.prod(tensor.shape[:-2])) != 1 or values.size != int(np.prod(tensor.shape)):
        raise OperatorError(f"{tensor.name} has shape {tensor.shape}, expected one matrix")
    return values.reshape(tensor.shape[-2:])


def _weight(
    view: OperatorView, position: int, rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> FileTensor:
    """Return (O, 1, 1, I) of (O, I), under a name of its own: others may read the matrix too."""
    shape = (rows.shape[0], 1, 1, rows.shape[1])
    content = memoryview(np.ascontiguousarray(rows).astype("<f4").tobytes())
    name = view.free_name(f"{view.tensor(position).name}/{view.output.name}")
    return replace(view.tensor(position), name=name, shape=shape, content=content)


def _convolution(
    view: OperatorView, weight: FileTensor, bias: str | None, activation: Activation
) -> Operations:
    size, output = weight.shape[3], view.output
    count = int(np.prod(view.tensor(0).shape))
    if view.tensor(0).shape[:1] != (1,) or count % size:
        raise OperatorError(f"reads shape {view.tensor(0).shape}, expected rows of {size}")
    image = view.between((1, 1, count // size, size), "rows")
    made = view.between((1, 1, count // size, weight.shape[0]), "products")
    conv = Conv2D(image.name, weight.name, bias, made.name, activation=activation)
    operations = (Reshape(view.name(0), image.name), conv, Reshape(made.name, output.name))
    return Operations(operations, (image, weight, made))
