"""Train and write a classifier of coloured digits; which network is up to the caller."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import onnxruntime
import optax

from examples.scenes.coloured_digits import CLASSES, SIZE, as_input, handwriting, pictures
from examples.training.fit import answers, fit
from examples.training.onnx_file import Node, OnnxNetwork, write_onnx
from examples.training.trainable import Network

PICTURES = 30_000
BATCH = 32
STEPS = 3000
RATE = 0.006
TEST_SEED = 2


def train(network: Network, path: Path) -> None:
    """Fit the network to made-up pictures, print its accuracy on held-out digits, write it."""
    written, held_out = handwriting()
    weights = fit(network, _loss, _batches(*pictures(written, PICTURES, 1)), steps=STEPS, rate=RATE)
    write_onnx(path, network, weights, size=SIZE, head=_softmax)
    pixels, labels = pictures(held_out, 2000, TEST_SEED)
    x = as_input(pixels)
    found = answers(network, weights, x.transpose(0, 2, 3, 1)).argmax(1)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    exported = session.run(None, {"image": x})[0].argmax(1)
    print(f"held-out accuracy {np.mean(found == labels):.4f} of {len(labels)}")
    print(f"the file's {np.mean(exported == labels):.4f}, {np.sum(found != exported)} differ")


def _loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    smooth = optax.smooth_labels(jax.nn.one_hot(labels, CLASSES), 0.05)
    return optax.softmax_cross_entropy(logits, smooth).mean()


def _batches(pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    while True:
        rows = rng.integers(0, len(labels), BATCH)
        yield (pixels[rows].astype(np.float32) - 127.5) / 127.5, labels[rows]


def _softmax(made: OnnxNetwork, logits: Node) -> dict[str, Node]:
    return {"probabilities": made.node("Softmax", (logits,), logits.shape, axis=1)}
