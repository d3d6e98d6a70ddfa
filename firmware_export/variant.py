"""The variants of an export: what its code is optimized for, and how it rounds."""

from dataclasses import dataclass
from enum import StrEnum

from quantize.ir.graph import Profile


class Optimize(StrEnum):
    """What is spent for what."""

    SPEED = "speed"  # each layer has its kernel to itself, its sizes literals
    BALANCED = "balanced"  # a kernel is shared by its layers, but for one that has a single layer
    SIZE = "size"  # as balanced, compiled for size


class Rounding(StrEnum):
    """How often a factor is rounded."""

    DOUBLE = "double"  # as TFLite Micro and CMSIS-NN by default
    SINGLE = "single"  # as both do where they are built so: other numbers

    @property
    def profile(self) -> Profile:
        """The arithmetic that the interpreter knows it by."""
        return Profile.SINGLE if self is Rounding.SINGLE else Profile.TFLM


@dataclass(frozen=True, slots=True)
class Variant:
    """Which C of a model is meant."""

    optimize: Optimize = Optimize.BALANCED
    rounding: Rounding = Rounding.DOUBLE


DEFAULT_VARIANT = Variant()
