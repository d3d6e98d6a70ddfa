"""What every loader of float models returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quantize.ir.graph import FloatGraph
from quantize.ir.statistics import ChannelStatistics


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A float model as a graph, and what is needed to feed it as its source was fed.

    Attributes:
        graph: Channels-last, batch 1, as the file has it: no pass has run.
        input_permutations: By input name: np.transpose(array, permutation) takes an array from the
            source model's own layout to the graph's. Where both are alike the name is missing.
        output_permutations: The same for outputs.
        labels: Class names in the order of the scores, where the model carries them.
        statistics: What batch normalizations say of their outputs, by tensor.
        task_hint: "classification" or "regression" where the model says so itself.
    """

    graph: FloatGraph
    input_permutations: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    output_permutations: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    task_hint: str | None = None
    statistics: Mapping[str, ChannelStatistics] = field(default_factory=dict)
