"""Operations that pick, move or interpolate values and keep their scale; `ops.py` joins them."""

from dataclasses import dataclass
from enum import StrEnum


class ResizeMode(StrEnum):
    """Which place of the input a place of the output looks at; sizes n (input), m (output)."""

    ASYMMETRIC = "asymmetric"  # x * n / m
    HALF_PIXEL = "half_pixel"  # (x + 0.5) * n / m - 0.5
    ALIGN_CORNERS = "align_corners"  # x * (n - 1) / (m - 1)


@dataclass(frozen=True, slots=True)
class Slice:
    """Along each axis `sizes` values from `starts` on, every `steps`-th, backwards if negative.

    Axis 0, the batch, is never cut: its entries are 0, 1 and 1.
    """

    input: str
    output: str
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Index i of the output's `axis` (positive, not 0) is index `indices[i]` of the input's."""

    input: str
    output: str
    axis: int
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResizeNearest:
    """The nearest pixels of (N, H, W, C), in `size` (H, W)."""

    input: str
    output: str
    size: tuple[int, int]
    mode: ResizeMode


@dataclass(frozen=True, slots=True)
class ResizeBilinear:
    """(N, H, W, C) interpolated between four pixels, in `size` (H, W)."""

    input: str
    output: str
    size: tuple[int, int]
    mode: ResizeMode


@dataclass(frozen=True, slots=True)
class SpaceToDepth:
    """Squares of `block` x `block` pixels as channels, (row, column, channel), slowest first."""

    input: str
    output: str
    block: int


@dataclass(frozen=True, slots=True)
class DepthToSpace:
    """The inverse of SpaceToDepth."""

    input: str
    output: str
    block: int


Resize = ResizeNearest | ResizeBilinear
Moving = Slice | Gather | ResizeNearest | ResizeBilinear | SpaceToDepth | DepthToSpace
