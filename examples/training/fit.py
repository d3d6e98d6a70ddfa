"""Fit: weights that lower a loss, by AdamW with a step that rises, then falls."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from examples.training.trainable import Drawn, Network, Trainable

WARM_UP = 0.1
REPORTS = 20


def fit(
    network: Network,
    loss: Callable[[Any, jax.Array], jax.Array],
    batches: Iterator[tuple[np.ndarray, np.ndarray]],
    *,
    steps: int,
    rate: float,
) -> dict[str, np.ndarray]:
    """Return trained weights and running averages together, by name.

    Args:
        network: Takes (N, H, W, C).
        loss: Of its output and of the wanted values.
        batches: Inputs and wanted values, endlessly.
        steps: How many batches are learned from.
        rate: Greatest learning rate.
    """
    drawn = Drawn(jax.random.key(0))
    network(drawn, jnp.asarray(next(batches)[0][:1]))
    schedule = optax.cosine_onecycle_schedule(steps, rate, WARM_UP)
    optimizer = optax.chain(
        optax.clip_by_global_norm(5.0), optax.adamw(schedule, weight_decay=0.02)
    )

    def cost(weights, averages, x, wanted):
        layers = Trainable(weights, averages, is_training=True)
        return loss(network(layers, x), wanted), layers.averages

    @jax.jit
    def step(weights, averages, state, x, wanted):
        found, gradient = jax.value_and_grad(cost, has_aux=True)(weights, averages, x, wanted)
        change, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, change), found[1], state, found[0]

    weights, averages, state = drawn.weights, drawn.averages, optimizer.init(drawn.weights)
    lost = []
    for count in range(1, steps + 1):
        weights, averages, state, now = step(weights, averages, state, *next(batches))
        lost.append(float(now))
        if count % (steps // REPORTS) == 0:
            print(f"step {count} of {steps}, loss {np.mean(lost):.4f}", flush=True)
            lost.clear()
    return {name: np.asarray(value) for name, value in (weights | averages).items()}


def answers(network: Network, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Any:
    """Return what a trained network says to inputs (N, H, W, C)."""
    run = jax.jit(lambda part: network(Trainable(weights, weights, is_training=False), part))
    parts = [run(jnp.asarray(x[i : i + 100])) for i in range(0, len(x), 100)]
    return jax.tree.map(lambda *part: np.concatenate(part), *parts)
