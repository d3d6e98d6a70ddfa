"""Where a worker's process begins; apart from the rest, so that the supervisor stays small."""

from multiprocessing.connection import Connection

from edge_runtime.link import FromWorker, ToWorker
from edge_runtime.worker.settings import WorkerSettings


def start_worker(settings: WorkerSettings, connection: "Connection[FromWorker, ToWorker]") -> None:
    """Load the worker and run it; the target of a spawned process.

    The supervisor names this function and never loads numpy, engines or sources itself.
    """
    from edge_runtime.worker.process import run_worker  # noqa: PLC0415 - see above

    run_worker(settings, connection)
