"""Train the small CNN of the tour on scikit-learn's bundled handwritten digits.

    pip install torch onnx onnxscript scikit-learn
    python examples/digits/train.py            # writes digits.onnx beside this file

The 1,797 digits are 8x8 pictures of 0..16; the network takes grey pixels of 0..240 over 240,
which is what the daemon makes of the PNG files that `examples/demo.py` writes. Two convolutions,
one of them depthwise-separable, 2,000 weights, batch normalization folded by the export.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SEED = 7
EPOCHS = 120
HELD_OUT = 360


def network() -> nn.Sequential:
    """(N, 1, 8, 8) in 0..1 to (N, 10) logits."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU6(),
        nn.Conv2d(12, 12, 3, stride=2, padding=1, groups=12, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU6(),
        nn.Conv2d(12, 24, 1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 2 * 2, 10),
    )


def main() -> None:
    """Train with a fixed seed, print the held-out accuracy, write the model."""
    torch.manual_seed(SEED)
    digits = load_digits()
    pixels = (digits.images[:, None] / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits.target, test_size=HELD_OUT, random_state=SEED, stratify=digits.target
    )
    model = fit(network(), torch.from_numpy(train_x), torch.from_numpy(train_y))
    with torch.no_grad():
        guessed = model(torch.from_numpy(test_x)).argmax(1).numpy()
    print(f"held-out accuracy {np.mean(guessed == test_y):.4f} of {len(test_y)}")
    path = Path(__file__).with_name("digits.onnx")
    example = torch.zeros(1, 1, 8, 8)
    classifier = nn.Sequential(model, nn.Softmax(1)).eval()
    torch.onnx.export(
        classifier, (example,), path, input_names=["image"], output_names=["probabilities"],
        opset_version=18, external_data=False, dynamic_shapes=({0: torch.export.Dim("batch")},),
    )  # fmt: skip
    strip(path)
    print(f"{path.name}: {path.stat().st_size} bytes")


def strip(path: Path) -> None:
    """Remove what the exporter notes beside the network: stack traces with paths, shapes."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:], model.graph.value_info[:]
    onnx.save(model, path)


def fit(model: nn.Sequential, pixels: torch.Tensor, labels: torch.Tensor) -> nn.Sequential:
    """Return the model after EPOCHS of Adam with a falling step and shifted pictures."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(pixels)).split(64):
            shift = tuple(int(s) for s in torch.randint(-1, 2, (2,)))
            moved = torch.roll(pixels[batch], shift, (2, 3))
            loss = nn.functional.cross_entropy(model(moved), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return model.eval()


if __name__ == "__main__":
    main()
