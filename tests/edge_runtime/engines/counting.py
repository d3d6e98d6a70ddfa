"""A real engine that notes how it is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.engines.protocol import Engine, FloatArray


@dataclass
class Counting:
    """Notes how many samples each call of an engine has."""

    inner: Engine
    calls: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def run(self, tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        self.calls.append(len(next(iter(tensors.values()))))
        return self.inner.run(tensors)
