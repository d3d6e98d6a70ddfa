"""Workers: threads and a Dask cluster on this machine give what one after another gives."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster, get_worker

from quantize.accuracy.sensitivity import Sensitivity, rank_layers
from quantize.emit.onnx_float import emit_float_onnx
from quantize.errors import ClusterError
from quantize.executors import OnnxRunner
from quantize.ir.graph import FloatGraph
from quantize.lower import lower
from quantize.parallel import Workers, read_workers, run_all
from quantize.params import group_fixed_params, range_params, share_groups
from tests.models import tiny_float_classifier

pytestmark = pytest.mark.ort


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as running:
        yield running


def _ranked(workers: Workers, graph: FloatGraph | None = None) -> tuple[Sensitivity, ...]:
    graph = graph or tiny_float_classifier()
    groups = share_groups(graph)
    params = {
        name: group_fixed_params(graph, group) or range_params(-4.0, 4.0)
        for group in groups
        for name in group
    }
    images = np.random.default_rng(3).normal(size=(2, 4, 6, 6, 2)).astype(np.float32)
    run = OnnxRunner(emit_float_onnx(graph, [op.output for op in graph.operations]))
    batches = [{"image": batch} for batch in images]
    return rank_layers(graph, lower(graph, params), batches, run, workers)


def test_the_worst_layer_comes_first_and_moving_layers_are_left_out() -> None:
    ranked = _ranked(Workers())

    assert {layer.name for layer in ranked} == {"conv", "depthwise", "logits"}
    errors = [layer.error for layer in ranked]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] > 0.0


def test_any_number_of_threads_ranks_alike_bit_for_bit() -> None:
    assert _ranked(Workers(1)) == _ranked(Workers(3))


def test_a_dask_cluster_ranks_alike_bit_for_bit(cluster: Any) -> None:
    address = cluster.scheduler_address.removeprefix("tcp://")

    assert _ranked(read_workers(f"dask://{address}")) == _ranked(Workers())


def _address_of_the_worker(_task: int) -> str:
    return str(get_worker().address)


def test_the_workers_of_the_cluster_do_the_work(cluster: Any) -> None:
    address = cluster.scheduler_address.removeprefix("tcp://")

    found = run_all(_address_of_the_worker, range(6), read_workers(f"dask://{address}"))

    assert set(found) <= {worker.address for worker in cluster.workers.values()}


@pytest.mark.parametrize("text", ["0", "-1", "257", "many", "dask://", "dask://host", "ray://h:1"])
def test_workers_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ClusterError, match="allowed are 1 to 256 and dask://HOST:PORT"):
        read_workers(text)


def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantize.parallel.CONNECT_TIMEOUT_S", 0.2)

    with pytest.raises(ClusterError, match="no scheduler answers there"):
        run_all(abs, [1], read_workers("dask://127.0.0.1:9"))


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(ClusterError, match=r"pip install 'edge-runtime\[dask\]'"):
        run_all(abs, [1], read_workers("dask://127.0.0.1:9"))
