"""Print the table of supported operations, made from the code; README.md holds what it prints.

python scripts/operations_table.py
"""

from typing import get_args

from quantize.ir.ops import Dequantize, Operation
from quantize.load.onnx_operators import supported_operators
from quantize.load.tflite_operations import SUPPORTED_OPERATORS


def main() -> None:
    """Print Markdown."""
    print(table())


def table() -> str:
    """Return the integer graph's operations as a table, then what the loaders read."""
    # Dequantize stands only at the edge of a foreign file.
    operations = [each for each in get_args(Operation) if each is not Dequantize]
    rows = [f"| {each.__name__} | {meaning(each)} |" for each in operations]
    onnx = ", ".join(supported_operators())
    tflite = ", ".join(sorted(str(name) for name in SUPPORTED_OPERATORS))
    head = "| operation of the integer graph | what it computes |\n|---|---|"
    return "\n".join(
        [head, *rows, "", f"Read from ONNX: {onnx}.", "", f"Read from TFLite: {tflite}."]
    )


def meaning(operation: type) -> str:
    """Return the first line of an operation's docstring."""
    return (operation.__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    main()
