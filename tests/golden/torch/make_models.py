"""Write small networks as PyTorch's own exporter writes them (random weights, fixed seed).

    pip install torch onnx onnxscript
    python tests/golden/torch/make_models.py

The files are committed, because PyTorch is too large for the test environment.
"""

from pathlib import Path

import onnx
import torch
from torch import nn

HERE = Path(__file__).parent


class Residual(nn.Module):
    """ResNet's stem (stride 2, pad 1, max pool) and a block with a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )  # fmt: skip
        self.one = nn.Sequential(
            nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12),
        )  # fmt: skip
        self.skip = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12))
        self.head = nn.Linear(12, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.stem(image)
        x = torch.relu(self.one(x) + self.skip(x))
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class InvertedResidual(nn.Module):
    """MobileNetV2's block with ReLU6, depthwise, and mean over the image."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(4, 12, 1), nn.BatchNorm2d(12), nn.ReLU6())
        self.depthwise = nn.Sequential(
            nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.BatchNorm2d(12), nn.ReLU6()
        )
        self.project = nn.Conv2d(12, 4, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image + self.project(self.depthwise(self.expand(image)))
        return self.head(x.mean((2, 3))).softmax(1)


class Encoder(nn.Module):
    """A perceptron autoencoder with sigmoid and tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
        self.up = nn.Sequential(nn.Tanh(), nn.Linear(3, 8), nn.Sigmoid(), nn.Linear(8, 16))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.up(self.down(rows))


class Branches(nn.Module):
    """Channels concatenated, a flatten in PyTorch's order, an odd image size, average pools."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())
        self.right = nn.Sequential(nn.Conv2d(2, 5, 5, padding=2), nn.ReLU())
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 3 * 4, 4))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        both = torch.cat((self.left(image), self.right(image)), 1)
        return self.head(self.pool(both))


class Signal(nn.Module):
    """Convolutions along time, then a flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.Conv1d(6, 4, 3, padding=1),
            nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 2),
        )  # fmt: skip

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        return self.body(window)


MODELS = {
    "residual": (Residual, (1, 3, 32, 32)),
    "inverted_residual": (InvertedResidual, (1, 4, 9, 9)),
    "encoder": (Encoder, (1, 16)),
    "branches": (Branches, (1, 2, 7, 9)),
    "signal": (Signal, (1, 3, 32)),
}


def main() -> None:
    """Write every model, without the exporter's notes."""
    for name, (make, shape) in MODELS.items():
        torch.manual_seed(11)
        model = make().eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
        path = HERE / f"{name}.onnx"
        torch.onnx.export(
            model, (torch.zeros(shape),), path, input_names=["x"], output_names=["y"],
            external_data=False, dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
        strip(path)
        print(
            path.name, path.stat().st_size, sorted({n.op_type for n in onnx.load(path).graph.node})
        )


def strip(path: Path) -> None:
    """Remove stack traces, shapes and other notes of the exporter."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:], model.graph.value_info[:]
    onnx.save(model, path)


if __name__ == "__main__":
    main()
