"""Where trials run: Dask workers, our own on this machine for as long as a run lasts, or those of a scheduler."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cores import batches_beside
from ..folders import temporary
from ..mechanisms.library import Busy
from ..processes import GUARD_IT, uninterrupted
from ..schema import InputError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

CONNECT_S = 10  # how long a scheduler may take to answer
PER_WORKER = 2  # trials in flight for each worker: one runs, one is there when it ends
SETTINGS = {
    "distributed.scheduler.worker-ttl": None,  # NEURON holds Python's lock: a worker in a long trial says nothing
    "distributed.scheduler.allowed-failures": 3,
    "distributed.worker.profile.enabled": False,  # it would sample the threads a hundred times a second
    "distributed.admin.tick.limit": "1h",  # the same silence, seen by the worker itself
    "distributed.admin.tick.interval": "1s",  # every 20 ms takes 4 % of a core here and 2 % of each worker's (measured)
    "distributed.admin.tick.cycle": "10s",
    "distributed.comm.retry.count": 3,
    # of workers that start or end: Dask silences them only in between
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
}


@contextmanager
def connected(workers: int, scheduler: str | None, busy: Busy, device: str = "cpu") -> Iterator[Client]:
    """A client of `workers` processes on this machine with one thread each, or of the scheduler at an address.

    workers: how many processes, where `scheduler` is None; they end with the context, at once if by an error.
    device: with 'cuda' it is one process, with a thread for each batch that it has in hand.
    scheduler: tcp://HOST:PORT, HOST:PORT, or the path of a scheduler file. busy: shows a message while it waits.
    Raises InputError for a scheduler that does not answer, or that goes away while the context is entered.
    """
    import dask
    from distributed import Client
    from distributed.comm import CommClosedError
    from distributed.utils import silence_logging_cmgr

    with ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        logging.getLogger("distributed.batched").setLevel(logging.WARNING)  # a closed connection may be told of later
        stack.enter_context(dask.config.set(SETTINGS))
        if scheduler is None:
            threads = batches_beside(device)
            processes = workers if threads == 1 else 1
            client = stack.enter_context(Client(stack.enter_context(_local(processes, threads))))
            client.register_plugin(_silence(), name="silence")
        else:
            client = stack.enter_context(_remote(scheduler))
            if not client.nthreads():
                with busy(f"Waiting for a worker of {scheduler}"):
                    client.wait_for_workers(1)
        try:
            yield client
        except (CommClosedError, CancelledError, ConnectionError, TimeoutError) as error:
            where = scheduler or "of this machine's workers"
            raise InputError(f"scheduler {where}: the connection is lost; run again with --resume") from error


def spread(client: Client, function: Callable, tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Future]]:
    """Run `function(*task)` for every task on the client's workers; gives each task with its future as it ends.

    Only a few tasks per worker are in flight, so memory does not grow with their number.
    """
    from distributed import as_completed

    waiting = iter(tasks)
    running: dict[Any, tuple] = {}
    ended = as_completed(loop=client.loop)

    def fill() -> None:
        room = PER_WORKER * max(sum(client.nthreads().values()), 1) - len(running)
        for task in islice(waiting, max(room, 0)):
            future = client.submit(function, *task, pure=False)
            running[future.key] = task
            ended.add(future)

    fill()
    for future in ended:
        yield running.pop(future.key), future
        fill()


def _silence() -> Any:
    """Workers that end say nothing of their last heartbeat either, which Tornado would tell as a traceback."""
    from distributed import WorkerPlugin

    class Silence(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            logging.getLogger("tornado.application").setLevel(logging.CRITICAL)

    return Silence()


@contextmanager
def _local(workers: int, threads: int) -> Iterator[LocalCluster]:
    import dask
    from distributed import LocalCluster

    environment = dict(os.environ)
    with temporary() as folder:
        cluster = None
        try:
            with uninterrupted(), dask.config.set({"temporary-directory": folder}):
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=threads,
                    memory_limit=0,  # a cell's memory is the run's own affair: never spilled, paused or killed
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            yield cluster
        except BaseException as error:
            for nanny in cluster.workers.values() if cluster else ():
                nanny.auto_restart = False
                with suppress(ProcessLookupError, TypeError):  # a trial holds Python's lock: a request is heard late
                    os.kill(nanny.pid, signal.SIGKILL)
            if cluster is None and isinstance(error, RuntimeError):
                raise InputError(f"the worker processes did not start: {GUARD_IT}") from None
            raise
        finally:
            if cluster:
                cluster.close()
            for name in os.environ.keys() - environment.keys():  # Dask's for workers: one thread for PyTorch, and more
                del os.environ[name]


@contextmanager
def _remote(scheduler: str) -> Iterator[Client]:
    from distributed import Client
    from distributed.comm.addressing import parse_address, parse_host_port

    file = Path(scheduler).expanduser()
    if file.is_file():
        address = _address_in(file)
    elif "://" in scheduler or scheduler.rpartition(":")[2].isdecimal():
        address = scheduler
    else:
        raise InputError(f"scheduler {scheduler}: no such scheduler file; give one, or an address: tcp://HOST:PORT")
    try:
        parse_host_port(parse_address(address)[1])  # else Dask asks on for what no name server understands
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # each protocol raises its own kinds for what it lacks
        why = f"does not answer within {CONNECT_S} s" if isinstance(error, OSError) else "is no address that Dask knows"
        raise InputError(f"scheduler {scheduler}: {why}; is `dask scheduler` running there?") from error
    with client:
        yield client


def _address_in(file: Path) -> str:
    try:
        return json.loads(file.read_text())["address"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"scheduler {file}: is no scheduler file, as `dask scheduler` writes it") from error
