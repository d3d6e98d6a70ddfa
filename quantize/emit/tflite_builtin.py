"""One operator as TFLite says it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Builtin:
    """One operator as TFLite says it.

    Attributes:
        code: A number of `BuiltinOperator`.
        version: Of the builtin; a runtime that lacks it refuses the file.
        inputs: Tensor numbers, parameters included.
        options: An options object of the generated schema, None where there is nothing to say.
    """

    code: int
    version: int
    inputs: tuple[int, ...]
    options: Any = None
