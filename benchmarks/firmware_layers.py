"""Raw CMSIS-NN kernels, instructions per product, measured with the same emulator and compiler.

Whole calls with random weights, im2col and requantizing included; each shape is a layer of an
official model, named by its place there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerLayer:
    """A layer, where it stands in a model, and CMSIS-NN's figure for each core."""

    shape: str
    model: str
    index: int
    per_mac: dict[str, float]


def _layer(shape: str, place: tuple[str, int], m3: float, m4: float, m55: float) -> PeerLayer:
    figures = {"cortex-m3": m3, "cortex-m4": m4, "cortex-m55": m55}
    return PeerLayer(shape, *place, figures)


PEER_LAYERS = (
    _layer("conv 3x3 3->16 @32x32", ("ResNet8", 0), 5.49, 4.77, 1.416),
    _layer("conv 3x3 16->16 @32x32", ("ResNet8", 1), 3.34, 2.33, 0.399),
    _layer("conv 3x3 s2 16->32 @16x16", ("ResNet8", 4), 3.07, 2.14, 0.335),
    _layer("conv 3x3 32->32 @16x16", ("ResNet8", 5), 2.87, 1.93, 0.256),
    _layer("conv 3x3 64->64 @8x8", ("ResNet8", 9), 2.67, 1.76, 0.207),
    _layer("conv 1x1 s2 16->32 @16x16", ("ResNet8", 6), 5.11, 4.30, 1.080),
    _layer("conv 10x4 s2 1->64 @25x5", ("DS-CNN", 0), 4.30, 3.49, 0.957),
    _layer("conv 1x1 64->64 @25x5", ("DS-CNN", 2), 3.11, 2.09, 0.396),
    _layer("conv 1x1 8->16 @48x48", ("VWW", 2), 7.09, 6.63, 2.176),
    _layer("conv 1x1 128->128 @6x6", ("VWW", 14), 2.88, 1.83, 0.282),
    _layer("conv 1x1 256->256 @3x3", ("VWW", 26), 3.10, 1.97, 0.248),
    _layer("dw 3x3 64 @25x5", ("DS-CNN", 1), 9.24, 7.79, 2.343),
    _layer("dw 3x3 8 @48x48", ("VWW", 1), 10.50, 8.86, 5.409),
    _layer("dw 3x3 32 @24x24", ("VWW", 5), 9.77, 8.15, 2.743),
    _layer("dw 3x3 128 @6x6", ("VWW", 13), 8.85, 7.51, 2.349),
    _layer("FC 640->128", ("AD", 0), 3.44, 1.95, 0.490),
    _layer("FC 128->128", ("AD", 1), 3.67, 2.27, 0.576),
)
LAYER_CORES = ("cortex-m3", "cortex-m4", "cortex-m55")
