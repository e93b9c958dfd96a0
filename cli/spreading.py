"""Where the runs of a sweep are computed: on Dask workers, if any are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..simulate.mechanisms.library import Busy
    from ..surrogate.sweep.runs import Spread


@contextmanager
def spread_over(workers: int, scheduler: str | None, busy: Busy) -> Iterator[Spread | None]:
    """What calls a function on `workers` processes of this machine or those of a scheduler; None for neither.

    busy: shows a message during a wait.
    """
    if not workers and scheduler is None:
        yield None
        return
    from ..simulate.run.dask_cluster import connected, spread
    from .progress import errors

    with connected(workers, scheduler, busy) as client:
        errors.print(f"dashboard: {client.dashboard_link}")

        def results(function: Callable[..., Any], arguments: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
            for argument, future in spread(client, partial(_at_its_place, function), arguments):
                yield argument, future.exception() or future.result()

        yield results


def _at_its_place(function: Callable[..., Any], *arguments: Any) -> Any:
    """On a worker: call the function with the worker's number. Our own have one, those of a scheduler have not."""
    from distributed import get_worker

    name = get_worker().name
    return function(*arguments, place=name if isinstance(name, int) else None)
