"""Many fitted neurons in a network: spikes to synapses, every neuron a bin further, spikes drawn and sent on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import psutil
from numpy.typing import ArrayLike

from ...simulate.schema import LARGEST_SEED, InputError
from . import connections, saved
from .arriving import Arriving
from .connections import Connections, Drawn
from .gpu import OnGPU
from .group import Group
from .kernel import Compiled
from .plain import Plain
from .random_numbers import MOST
from .recorded import Recorded
from .spikes_in_flight import SpikesInFlight

if TYPE_CHECKING:
    import xarray as xr

    from ..use.checkpoint import Surrogate

AT_ONCE_MS = 100  # of a run, between two reports of how far it is


class Step(NamedTuple):
    """What a bin of 1 ms gives, for n neurons."""

    spiking: np.ndarray  # numbers of the neurons that spike, ascending
    spike_probability: np.ndarray  # (n,), float32
    v_mv: np.ndarray  # (n,), float32; soma, without spikes


class Population:
    """n neurons with the weights of one fitted ELM, or of several by group, coupled by spikes.

    surrogate: as `Surrogate.load` gives it, or a list of them, a group of neurons each.
    n: how many neurons; of several groups a list. Neurons are numbered from 0, group after group.
    connectivity: a table by name, such as a dict of arrays or a pandas table, with columns `pre`, `post` and perhaps
    `synapse` (of the target, from 0 on), `weight` (1: as a spike of the training data) and `delay_ms`; or a sparse
    SciPy matrix (n, n) of weights from the row's neuron to the column's. Where no synapse is told, weights above 0 go
    to an excitatory synapse of the target, below 0 to an inhibitory one, each drawn by the seed. None: neurons stand
    alone.
    delay_ms: whole ms from 1 on, of all connections or of each, where the table does not tell.
    seed: of spikes, Poisson input and drawn synapses; every number depends on seed, neuron and bin alone.
    poisson_hz: rate of independent Poisson spikes at each synapse, a number or (S,), for every neuron; of several
    groups a list, in which None is no such input.
    threshold: a neuron spikes in each bin whose probability is at least this; None: it spikes with that probability.
    path: 'compiled' on the CPU, 'triton' on the GPU that the surrogate lies on, 'reference' in plain PyTorch on the
    CPU, slow; 'auto' takes one of the first two, by where the surrogate lies, wherever it can.
    precision: of a GPU's matrix products, 'float32' or 'bfloat16'; state and sums are float32.
    Raises InputError for another model than an ELM, connections that lead nowhere, or too little memory.
    """

    def __init__(
        self,
        surrogate: Surrogate | Sequence[Surrogate],
        n: int | Sequence[int],
        connectivity: Mapping[str, Any] | Any | None = None,
        delay_ms: ArrayLike = 1,
        seed: int = 0,
        *,
        poisson_hz: ArrayLike | Sequence[ArrayLike | None] | None = None,
        threshold: float | None = None,
        path: Literal["auto", "compiled", "triton", "reference"] = "auto",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        if not (isinstance(seed, int | np.integer) and 0 <= seed <= LARGEST_SEED):
            raise InputError(f"seed is {seed!r}, expected a whole number from 0 to {LARGEST_SEED}")
        if threshold is not None and not (isinstance(threshold, int | float) and 0 < threshold < 1):
            raise InputError(f"threshold is {threshold!r}, expected a probability between 0 and 1, or None")
        self._groups, seed = _groups(surrogate, n, poisson_hz), int(seed)
        self.n, self.time_ms = sum(group.n for group in self._groups), 0
        self.path, engine = _path(path, self._groups)
        if precision not in ("float32", "bfloat16") or (precision != "float32" and engine is not OnGPU):
            raise InputError(
                f"precision is {precision!r} on path '{self.path}', expected float32, on 'triton' or bfloat16"
            )
        check_memory(
            sum(engine.bytes_per_neuron(group) * group.n for group in self._groups)
            + connections.BYTES * _n_connections(connectivity),
            f"{self.n:,} neurons with {_n_connections(connectivity):,} connections",
        )
        self._n_inputs_n = np.repeat([len(group.sign_s) for group in self._groups], [g.n for g in self._groups])
        self._wires = _wires(connectivity, self._groups, self._n_inputs_n, delay_ms, seed)
        given = {"precision": precision} if engine is OnGPU else {}
        self._engine = engine(self._groups, self._wires, seed, threshold, **given)
        self._flying = SpikesInFlight.none()
        self._told: dict[str, object] = (
            {"seed": seed, "threshold": threshold, "path": self.path}
            | given
            | {"groups": [{"n": group.n, **group.surrogate.describe()} for group in self._groups]}
        )

    @property
    def n_connections(self) -> int:
        return len(self._wires.post_e)

    def step(self, spikes: Mapping[str, Any] | None = None) -> Step:
        """Go on by a bin of 1 ms.

        spikes: what arrives in it from outside, columns `neuron`, `synapse`, perhaps `weight` by name; None: nothing.
        Raises InputError for spikes that lead nowhere.
        """
        if spikes is not None:
            spikes = {**spikes, "time_ms": np.full(np.shape(spikes.get("neuron", ())), self.time_ms)}
        told = self._advance(Arriving.of(spikes, self._n_inputs_n, self.time_ms, 1), np.zeros(0, np.int64))
        return Step(told.neuron_k, told.probability_n, told.v_mv_n)

    def run(
        self,
        duration_ms: int,
        spikes: Mapping[str, Any] | None = None,
        record: ArrayLike = (),
        progress: Callable[[int], object] | None = None,
    ) -> xr.Dataset:
        """Go on by so many bins of 1 ms: spikes as events, and voltage and spike probability of chosen neurons.

        spikes: what arrives from outside, columns `time_ms` (as `time_ms` of the population counts, from 0 at its
        start), `neuron`, `synapse` and perhaps `weight` by name. record: numbers of the neurons whose traces are kept.
        progress: called with how many bins were done.
        Raises InputError for spikes that lead nowhere or lie outside the run, or too little memory.
        """
        if not (isinstance(duration_ms, int | np.integer) and 1 <= duration_ms <= MOST - self.time_ms):
            raise InputError(f"duration_ms is {duration_ms!r}, expected whole ms, 1 or more")
        watched, duration_ms = _watched(record, self.n), int(duration_ms)
        check_memory(
            duration_ms * (32 + 24 * len(watched)), f"{duration_ms:,} ms, with traces of {len(watched):,} neurons,"
        )
        arriving, start_ms = Arriving.of(spikes, self._n_inputs_n, self.time_ms, duration_ms), self.time_ms
        parts = []
        while self.time_ms < start_ms + duration_ms:
            some = arriving.part(self.time_ms - start_ms, AT_ONCE_MS)
            parts.append(self._advance(some, watched))
            if progress is not None:
                progress(self.time_ms - start_ms)
        return Recorded.joined(parts).dataset(start_ms, watched, self._told)

    def save(self, path: str | Path) -> None:
        """Write the state, from which `resume` goes on bit for bit. Raises InputError where it cannot be written."""
        arrays = self._engine.arrays() | {f"flying.{name}": each for name, each in self._flying.arrays().items()}
        saved.write(Path(path), arrays, self._made_of(), self.time_ms)

    def resume(self, path: str | Path) -> None:
        """Go on from what `save` of a population made with the same arguments wrote.

        Raises InputError where it is no such file, or of another population.
        """
        arrays, time_ms = saved.read(Path(path), self._made_of())
        now = self._engine.arrays() | {f"flying.{name}": each for name, each in self._flying.arrays().items()}
        alike = arrays.keys() == now.keys() and all(each.dtype == now[name].dtype for name, each in arrays.items())
        if alike:
            flying = SpikesInFlight.of({name: arrays.pop(f"flying.{name}") for name in self._flying.arrays()})
            alike = all(each.shape == now[name].shape for name, each in arrays.items())
        if not alike or not self._wires.lead_on(flying, time_ms):
            raise InputError(f"{path}: damaged; save it again")
        self._flying, self.time_ms = flying, time_ms
        self._engine.restore(arrays)

    def _advance(self, arriving: Arriving, watched: np.ndarray) -> Recorded:
        told = self._engine.advance(arriving, self._flying, self.time_ms, watched)
        self.time_ms += len(arriving.first_t) - 1
        return told

    def _made_of(self) -> str:
        arrays = [*self._wires]
        for group in self._groups:
            arrays += [
                *(group.poisson or ()),
                group.sign_s,
                *(each.numpy() for each in group.model.state_dict().values()),
            ]
        settings = {name: self._told[name] for name in ("seed", "threshold", "path", "precision") if name in self._told}
        models = [group.model.config.model_dump(mode="json") for group in self._groups]
        return saved.identity(arrays, settings | {"n": [group.n for group in self._groups], "models": models})


def _groups(surrogate: Any, n: Any, poisson_hz: Any) -> list[Group]:
    several = isinstance(surrogate, Sequence) and not isinstance(surrogate, str)
    surrogates, sizes, rates = (surrogate, n, poisson_hz) if several else ([surrogate], [n], [poisson_hz])
    rates = [None] * len(surrogates) if rates is None else rates
    if several and not (np.ndim(sizes) == 1 and len(surrogates) == len(sizes) == len(rates) > 0):
        raise InputError("Population: with a list of surrogates, n and poisson_hz are lists as long, 1 or more")
    found: list[Group] = []
    for each, size, rate_hz in zip(surrogates, sizes, rates, strict=True):
        first = found[-1].first + found[-1].n if found else 0
        if not (isinstance(size, int | np.integer) and 1 <= size < 2**31 - first):
            raise InputError(f"Population: n is {size!r}, expected a whole number of neurons, 1 or more")
        found.append(Group.of(each, first, int(size), rate_hz))
    return found


def _path(asked: str, groups: Sequence[Group]) -> tuple[str, type[Compiled] | type[OnGPU] | type[Plain]]:
    if asked not in ("auto", "compiled", "triton", "reference"):
        raise InputError(f"path is {asked!r}, expected auto, compiled, triton or reference")
    on_gpu = any(next(group.surrogate.model.parameters()).is_cuda for group in groups)
    fast: type[Compiled] | type[OnGPU] = OnGPU if asked == "triton" or (asked == "auto" and on_gpu) else Compiled
    why = next((why for group in groups if (why := fast.why_not(group))), "")
    if why and asked == fast.name:
        raise InputError(f"path '{asked}': {why}; take path 'reference', or 'auto'")
    chosen: type[Compiled] | type[OnGPU] | type[Plain] = Plain if why or asked == "reference" else fast
    return chosen.name, chosen


def _wires(given: Any, groups: Sequence[Group], n_inputs_n: np.ndarray, delay_ms: ArrayLike, seed: int) -> Connections:
    if given is None:
        return Connections.none(len(n_inputs_n))
    group_n = np.repeat(np.arange(len(groups)), [group.n for group in groups])
    drawn = Drawn([group.sign_s for group in groups], group_n, seed)
    if hasattr(given, "tocsr"):
        return Connections.of_matrix(given, drawn.sign_sets, group_n, delay_ms, seed)
    return Connections.of_table(given, n_inputs_n, delay_ms, drawn)


def _n_connections(given: Any) -> int:
    """How many there are; refuses what can hold none."""
    if given is None:
        return 0
    if hasattr(given, "tocsr"):
        return int(given.nnz)
    if not hasattr(given, "keys"):
        raise InputError(f"connectivity: a {type(given).__name__}, expected columns by name or a sparse SciPy matrix")
    return int(np.size(given["pre"])) if "pre" in given else 0


def _watched(record: ArrayLike, n: int) -> np.ndarray:
    watched = np.asarray(record)
    if watched.ndim != 1 or (watched.size and watched.dtype.kind not in "iu"):
        raise InputError(f"record: {watched.dtype} of shape {watched.shape}, expected a list of neurons' numbers")
    if watched.size and not 0 <= watched.min() <= watched.max() < n:
        raise InputError(f"record: neuron {watched.max() if watched.max() >= n else watched.min()} of {n}, from 0 on")
    return watched.astype(np.int64)


def check_memory(n_bytes: float, what: str) -> None:
    """Raise InputError where `what` takes more memory than is free."""
    free = psutil.virtual_memory().available
    if n_bytes > free:
        raise InputError(f"{what} take {n_bytes / 2**30:,.1f} GiB, {free / 2**30:,.1f} are free: take fewer")
