"""Parallel: the same function over many values, on threads of this machine or on a Dask cluster.

The results are those of one worker after another, bit for bit and in the same order: no task knows
another, and each runs with one thread of its own.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from quantize.errors import ClusterError

DASK = "dask://"
MAX_WORKERS = 256
MAX_OWN_THREADS = 4
CONNECT_TIMEOUT_S = 10

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Workers:
    """Who works.

    Attributes:
        threads: Of this process.
        scheduler: HOST:PORT of a Dask scheduler, whose workers are used instead.
    """

    threads: int = 1
    scheduler: str | None = None


def own_threads() -> int:
    """Return how many threads work side by side here by themselves: as many as cores, up to 4.

    More would take memory for little.
    """
    return min(os.cpu_count() or 1, MAX_OWN_THREADS)


def read_workers(text: str) -> Workers:
    """Return what `--parallel` means: a number of threads, or dask://HOST:PORT.

    Raises:
        ClusterError: It is neither.
    """
    if text.startswith(DASK):
        host, _, port = text.removeprefix(DASK).rpartition(":")
        if host and port.isdecimal():
            return Workers(scheduler=f"{host}:{port}")
    elif text.isdecimal() and 1 <= int(text) <= MAX_WORKERS:
        return Workers(int(text))
    raise ClusterError(f"--parallel {text}: allowed are 1 to {MAX_WORKERS} and dask://HOST:PORT")


def run_all(
    function: Callable[[_Task], _Result], tasks: Iterable[_Task], workers: Workers
) -> list[_Result]:
    """Return what a function makes of each task, in their order.

    Args:
        function: Of one module, with no state; on a cluster it is pickled, as are the tasks.
        tasks: Each with all that it needs; taken when a worker is free.
        workers: Who works. Workers of a cluster need this package in the same version.

    Raises:
        ClusterError: The cluster cannot be reached, or the package for it is not installed.
    """
    from joblib import Parallel, delayed  # noqa: PLC0415  # slow, and only searches need it

    calls = (delayed(function)(task) for task in tasks)
    if workers.scheduler is None:
        return list(Parallel(n_jobs=workers.threads, prefer="threads")(calls))
    with _cluster(workers.scheduler):
        return list(Parallel()(calls))


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    """Let joblib work on a Dask cluster for as long as this lasts."""
    try:
        from distributed import Client  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ClusterError(
            "--parallel dask://: Dask is missing; pip install 'edge-runtime[dask]'"
        ) from error
    from joblib import parallel_config  # noqa: PLC0415  # as above

    client: Any
    try:
        client = Client(f"tcp://{address}", timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        raise ClusterError(f"--parallel {DASK}{address}: no scheduler answers there") from error
    with client, parallel_config(backend="dask"):
        yield
