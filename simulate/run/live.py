"""Trials that are simulated while somebody works with those before, and handed over without a store.

What fixes a trial is its configuration, seed and number, as in a store; so it can be made again at any time, and a
store of the same configuration holds the same trials under the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .. import schema
from ..cell import compiling, morphologies
from ..config import Simulation
from ..cores import available_cores
from ..mechanisms import library
from ..schema import InputError, SpikeTrains
from . import engine_choice, preparation, store
from .dask_cluster import connected
from .dataset import simulate
from .spread import found_from_anywhere, trials_together
from .worker import MadeTrial, describe, everything, make_trials, simulate_trials

if TYPE_CHECKING:
    from distributed import Future

HELD_OUT_SEED = 2**62  # the same for every training seed, so that models of any are scored on the same trials


class LiveTrials:
    """Trials of a configuration, made ahead by processes of this machine for as long as the context is entered.

    dataset_id: that of a store with these trials. config: what is simulated, with its engine.
    """

    def __init__(
        self,
        config: Simulation,
        *,
        workers: int | None = None,
        device: str = "auto",
        keep: str | Path | None = None,
        busy: library.Busy = library.announce,
    ) -> None:
        """workers: processes, one cell each; None for all cores. device: as in `simulate`. keep: path of a store that
        the trials are written to as well; one that is there is gone on with. busy: shows a message during a wait.

        Raises InputError for a configuration that cannot be run.
        """
        if config.seed == HELD_OUT_SEED:
            raise InputError(f"seed is {HELD_OUT_SEED}, which trials that are held out have; give another one")
        self.config, self._device = engine_choice.resolved(config, device, math.inf)
        self._morphology = morphologies.resolve(config.morphology) if config.lif is None else None
        self.dataset_id = self.config.dataset_id(self._morphology)
        self._workers, self._busy = workers or available_cores(), busy
        self._keep = None if keep is None else Path(keep)
        self._stack = ExitStack()
        self._made: dict[tuple[int, ...], list[Future]] = {}
        self._kept: set[int] = set()

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as JSON has it."""
        return self.config.model_dump(mode="json")

    def hold_out(self, path: str | Path, trials: int, *, overwrite: bool = False, **shown: Any) -> Path:
        """Simulate trials of the seed that none of the others have into a store, or finish the one that is there.

        overwrite: replace it.
        shown: how it is told of, `busy` and others as in `simulate`. Raises InputError as `simulate`.
        """
        config, there = self.config.model_copy(update={"seed": HELD_OUT_SEED}), Path(path).exists()
        kind: dict[str, Any] = {"resume": there and not overwrite, "overwrite": overwrite} | shown
        return simulate(config, path, trials, self._workers, device=self._device, **kind)

    def __enter__(self) -> Self:
        if self.config.lif is None:
            compiling.compiled(self.config.parameter_set(), self.config.integration.engine, self._busy)
        with ExitStack() as stack:
            self._client = stack.enter_context(connected(self._workers, None, self._busy, self._device))
            self._sent = found_from_anywhere(self.config)
            self._together = trials_together(self._client, self._sent, self._device, self._busy).trials
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._made.clear()
        self._stack.__exit__(*error)

    def prepare(self, trials: int) -> None:
        """See that there is input for so many trials, and make the store that they are kept in, if they are.

        Raises InputError where there is not, or the store is of something else.
        """
        layout = self._client.submit(describe, self._sent, self._device, pure=False).result()
        layout.check(trials)
        if self._keep is None:
            return
        if not self._keep.exists():
            store.check_writable(self._keep)
            preparation.create(self._keep, self.config, self._morphology, trials, layout, self._device)
        self._stack.enter_context(store.held(self._keep))
        lacking = preparation.unfinished(self._keep, self.config, self._morphology, trials, self._busy)
        self._kept = set(range(trials)) - set(lacking)

    def start(self, numbers: Sequence[int]) -> None:
        """Begin to make these trials, if that has not begun."""
        if tuple(numbers) in self._made:
            return
        todo = [number for number in numbers if number not in self._kept]
        size = min(self._together, max(1, -(-len(todo) // self._workers)))
        batches = [todo[first : first + size] for first in range(0, len(todo), size)]
        self._made[tuple(numbers)] = [self._submitted(batch) for batch in batches]

    def take(self, numbers: Sequence[int]) -> list[MadeTrial | str]:
        """These trials, once they are made, in their order; of one that went wrong, why.

        Raises InputError where they ended their process each time.
        """
        from distributed import KilledWorker

        self.start(numbers)
        try:
            made = [each for future in self._made.pop(tuple(numbers)) for each in future.result()]
        except KilledWorker as error:
            raise InputError(
                f"live trials {numbers[0]} to {numbers[-1]}: they ended their process each time (out of memory?); give "
                "fewer --workers, or a smaller --window"
            ) from error
        return made if self._keep is None else self._read(self._keep, numbers)

    def _submitted(self, batch: list[int]) -> Future:
        if self._keep is None:
            return self._client.submit(make_trials, self._sent, batch, self._device, pure=False)
        where, places = str(self._keep.resolve()), [(number, number) for number in batch]
        return self._client.submit(
            simulate_trials, self._sent, where, self.dataset_id, places, everything, self._device, pure=False
        )

    def _read(self, kept: Path, numbers: Sequence[int]) -> list[MadeTrial | str]:
        """Trials of the store, whose numbers are their positions there."""
        ds, inputs = schema.open_dataset(kept, "simulation", complete=False), schema.EventStore(kept)
        status, found = schema.read(ds, "trial_status"), list[MadeTrial | str]()
        for number in numbers:
            if status[number] != schema.DONE:
                found.append(f"marked so in {kept}")
                continue
            times_ms = schema.read(ds, "output_spike_time_ms", number)
            trains = inputs.read(number)
            found.append(
                MadeTrial(
                    SpikeTrains(trains.count_t.copy(), trains.synapse_n.copy()),
                    schema.read(ds, "soma_v_mv", number),
                    times_ms[np.isfinite(times_ms)],
                )
            )
        return found

    def free_bytes(self) -> int:
        """Memory that is there for trials."""
        import psutil
        from distributed.system import MEMORY_LIMIT

        return min(int(MEMORY_LIMIT), psutil.virtual_memory().available)
