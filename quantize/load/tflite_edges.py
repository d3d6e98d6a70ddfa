"""Float and uint8 edges of an int8 model: stripped, so that the model takes and gives int8.

Converters put a QUANTIZE behind a float or uint8 input and a DEQUANTIZE or QUANTIZE before such an
output. The tensor on the inner side holds the same numbers as int8.
"""

from dataclasses import replace

from quantize.load.tflite_file import FileOperator, TFLiteFile

_EDGE_TYPES = ("FLOAT32", "UINT8")
_EDGE_KINDS = ("QUANTIZE", "DEQUANTIZE")


def strip_edges(file: TFLiteFile) -> TFLiteFile:
    """Return the file without the conversions at its edges."""
    for number in file.inputs:
        file = _strip_input(file, number)
    for number in file.outputs:
        file = _strip_output(file, number)
    return file


def _strip_input(file: TFLiteFile, number: int) -> TFLiteFile:
    readers = [operator for operator in file.operators if number in operator.inputs]
    if len(readers) != 1 or number in file.outputs:
        return file
    inner = readers[0].outputs
    if not _is_edge(file, readers[0], outer=number, inner=inner):
        return file
    return replace(
        file,
        inputs=_replaced(file.inputs, number, inner[0]),
        operators=_without(file.operators, readers[0]),
    )


def _strip_output(file: TFLiteFile, number: int) -> TFLiteFile:
    makers = [operator for operator in file.operators if number in operator.outputs]
    is_read = any(number in operator.inputs for operator in file.operators)
    if len(makers) != 1 or is_read:
        return file
    inner = makers[0].inputs
    if not _is_edge(file, makers[0], outer=number, inner=inner):
        return file
    return replace(
        file,
        outputs=_replaced(file.outputs, number, inner[0]),
        operators=_without(file.operators, makers[0]),
    )


def _is_edge(
    file: TFLiteFile, operator: FileOperator, *, outer: int, inner: tuple[int, ...]
) -> bool:
    return (
        operator.kind in _EDGE_KINDS
        and len(inner) == 1
        and min(outer, inner[0]) >= 0
        and file.tensors[outer].type_name in _EDGE_TYPES
        and file.tensors[inner[0]].type_name in {"INT8", "INT16"}
    )


def _replaced(numbers: tuple[int, ...], old: int, new: int) -> tuple[int, ...]:
    return tuple(new if number == old else number for number in numbers)


def _without(
    operators: tuple[FileOperator, ...], dropped: FileOperator
) -> tuple[FileOperator, ...]:
    return tuple(operator for operator in operators if operator is not dropped)
