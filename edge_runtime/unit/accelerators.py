"""What an engine and its accelerator need of the machine: device nodes, groups, code at run time.

Groups of devices are named as in /proc/devices. Sources: Documentation/admin-guide/devices.txt of
Linux for drm, accel and usb_device; the drivers of NVIDIA (nvidia*, on a Jetson nvhost* and nvmap),
of Google (apex) and of AMD (kfd) for theirs.
"""

from dataclasses import dataclass

from edge_runtime.config.vision import ModelConfig

_COMPILED_AHEAD = {"auto", "onnx", "tflite", "native"}
_ON_THE_CPU = {"cpu", "xnnpack"}


@dataclass(frozen=True, slots=True)
class DeviceNeeds:
    """Device nodes that the unit has to grant.

    Attributes:
        devices: Arguments of DeviceAllow=.
        groups: Of device nodes.
    """

    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineNeeds(DeviceNeeds):
    """What the unit has to grant to a model.

    Attributes:
        compiles: Whether code is made while it runs, which MemoryDenyWriteExecute= forbids.
    """

    compiles: bool = False


_NVIDIA = EngineNeeds(
    ("char-nvidia* rw", "char-nvhost* rw", "char-nvmap rw"), ("video", "render"), compiles=True
)
_INTEL = EngineNeeds(("char-drm rw", "char-accel rw"), ("render",), compiles=True)
_OF_ACCELERATORS = {
    "cuda": _NVIDIA,
    "tensorrt": _NVIDIA,
    "gpu": _INTEL,
    "npu": _INTEL,
    "openvino": _INTEL,
    "migraphx": EngineNeeds(("char-kfd rw", "char-drm rw"), ("render",), compiles=True),
    "edgetpu": EngineNeeds(("char-apex rw", "char-usb_device rw"), ("plugdev",)),
}


def engine_needs(table: ModelConfig) -> EngineNeeds:
    """Return what a model's engine needs; of an accelerator that we do not know, no devices."""
    name = (table.accelerator or "cpu").lower()
    if name in _OF_ACCELERATORS:
        return _OF_ACCELERATORS[name]
    return EngineNeeds(compiles=table.engine not in _COMPILED_AHEAD or name not in _ON_THE_CPU)
