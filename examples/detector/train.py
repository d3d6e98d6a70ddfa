"""Train a small YOLO-like detector on made-up frames with shapes.

    pip install jax optax onnx onnxruntime scikit-learn
    python -m examples.detector.train      # writes detector.onnx beside this file

As in YOLOv8: split-and-concat blocks with SiLU, two scales joined from the coarse to the fine, a
head without anchors that gives boxes and scores by separate branches. Non-maximum suppression is
not in the network. 96x96 RGB in 0..1, some 7 million multiply-adds. Its outputs are

    boxes   (N, 180, 4)  left, top, right, bottom in pixels, 0..96
    scores  (N, 180, 3)  circle, square, triangle, 0..1

JAX's CPU build is enough: twenty minutes on one core.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from examples.detector.cells import CENTRES, NEAR, STRIDES, wanted_values
from examples.detector.score import onnx_detector, score
from examples.scenes.shapes import NAMES, SIZE, frames
from examples.training.fit import fit
from examples.training.layers import Activation, Layers
from examples.training.onnx_file import Node, OnnxNetwork, write_onnx

Value = TypeVar("Value")
FRAMES = 6000
BATCH = 16
STEPS = 3000
RATE = 0.004
RARE = -3.0  # logit of a score to begin with: most cells are empty
SILU = Activation.SILU


def detector(layers: Layers[Value], x: Value) -> tuple[Value, Value]:
    """Return each cell's edges from its centre in pixels (N, 180, 4), and logits (N, 180, 3)."""
    x = layers.conv(x, 8, kernel=3, stride=2, activation=SILU)
    x = block(layers, layers.conv(x, 16, kernel=3, stride=2, activation=SILU))
    fine = block(layers, layers.conv(x, 32, kernel=3, stride=2, activation=SILU))
    coarse = block(layers, layers.conv(fine, 48, kernel=3, stride=2, activation=SILU))
    joined = layers.concat(layers.upsample(coarse), fine)
    fine = layers.conv(joined, 32, activation=SILU)
    boxes, logits = [], []
    for level, stride in ((fine, STRIDES[0]), (coarse, STRIDES[1])):
        edges, kinds = head(layers, level, float(stride))
        boxes.append(layers.rows(edges))
        logits.append(layers.rows(kinds))
    return layers.join(*boxes), layers.join(*logits)


def block(layers: Layers[Value], x: Value) -> Value:
    """Return channels of which half went through a residual of two convolutions."""
    half = layers.channels(x) // 2
    kept, y = (layers.conv(x, half, activation=SILU) for _ in range(2))
    z = layers.conv(y, half, kernel=3, activation=SILU)
    z = layers.add(y, layers.conv(z, half, kernel=3, activation=SILU))
    return layers.conv(layers.concat(kept, z), 2 * half, activation=SILU)


def head(layers: Layers[Value], x: Value, stride: float) -> tuple[Value, Value]:
    """Return edges in pixels from each cell's centre, and logits."""
    edges = layers.conv(x, 16, kernel=3, activation=SILU)
    kinds = layers.conv(x, 16, kernel=3, activation=SILU)
    signs = (-stride, -stride, stride, stride)
    return (
        layers.conv(edges, 4, bias=1.0, factor=signs),
        layers.conv(kinds, len(NAMES), bias=RARE),
    )


def main() -> None:
    """Fit, write, print the mean average precision on frames that were not learned from."""
    weights = fit(detector, _loss, _batches(), steps=STEPS, rate=RATE)
    path = Path(__file__).with_name("detector.onnx")
    write_onnx(path, detector, weights, size=SIZE, head=_outputs)
    print(f"mAP at 0.5 of unseen frames {score(onnx_detector(path)):.4f}")


def _loss(found: tuple[jax.Array, jax.Array], wanted: jax.Array) -> jax.Array:
    """Return 1 - IoU and distance of boxes where there is one, and cross-entropy of every score."""
    boxes, kinds = wanted[..., :4], wanted[..., 4:]
    has_box = kinds.sum(-1)
    count = jnp.maximum(has_box.sum(), 1)
    edges, logits = found
    guessed = edges + CENTRES
    far = jnp.abs(guessed - boxes).sum(-1) / NEAR
    near = 1 - _overlap(guessed, boxes)
    scores = optax.sigmoid_binary_cross_entropy(logits, kinds).sum() / count
    return (has_box * (2 * near + 0.25 * far)).sum() / count + scores


def _overlap(left: jax.Array, right: jax.Array) -> jax.Array:
    low, high = (
        jnp.maximum(left[..., :2], right[..., :2]),
        jnp.minimum(left[..., 2:], right[..., 2:]),
    )
    shared = jnp.prod(jnp.maximum(high - low, 0), -1)
    areas = [jnp.prod(jnp.maximum(b[..., 2:] - b[..., :2], 0), -1) for b in (left, right)]
    return shared / jnp.maximum(areas[0] + areas[1] - shared, 1e-6)


def _batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield frames and what is wanted of each cell; half of them are mirrored."""
    made = frames(FRAMES, 1)
    pixels = np.stack([frame.pixels for frame in made])
    wanted = [wanted_values(frame.boxes, frame.classes) for frame in made]
    mirrored = [wanted_values(_mirrored(frame.boxes), frame.classes) for frame in made]
    rng = np.random.default_rng(3)
    while True:
        rows = rng.integers(0, FRAMES, BATCH)
        x = pixels[rows].astype(np.float32) / 255
        if rng.random() < 0.5:
            yield x[:, :, ::-1], np.stack([mirrored[row] for row in rows])
        else:
            yield x, np.stack([wanted[row] for row in rows])


def _mirrored(boxes: np.ndarray) -> np.ndarray:
    return np.stack([SIZE - boxes[:, 2], boxes[:, 1], SIZE - boxes[:, 0], boxes[:, 3]], 1)


def _outputs(made: OnnxNetwork, found: tuple[Node, Node]) -> dict[str, Node]:
    edges, logits = found
    centres = made.constant("centres", CENTRES[np.newaxis])
    return {
        "boxes": made.node("Add", (edges, centres), edges.shape),
        "scores": made.node("Sigmoid", (logits,), logits.shape),
    }


if __name__ == "__main__":
    main()
