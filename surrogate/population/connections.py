"""Who sends spikes to which synapse of whom, with which weight and after how long; checked, then laid out for routing.

N neurons, E connections, R runs: the connections of a neuron with one delay, in the order of their targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...simulate.schema import InputError
from .spikes_in_flight import SpikesInFlight

LONGEST_MS = 65_535  # a delay
COLUMNS = ("pre", "post", "synapse", "weight", "delay_ms")
WORD = 32  # places
BYTES = 100  # of a connection, while it is sorted


class Incoming(NamedTuple):
    """Connections by their targets: each has a place, and each target as many words of 32 places as its own take.

    first_word_n (N + 1,): of each target. place_e (E,): of each connection, as `Connections` has them. synapse_p,
    weight_p: of each place, 0 where there is none.
    """

    first_word_n: np.ndarray  # int64
    place_e: np.ndarray  # int64
    synapse_p: np.ndarray  # int32
    weight_p: np.ndarray  # float32


class Connections(NamedTuple):
    """A neuron's runs are those from first_run_n (N + 1,) on, a run's connections those from first_r (R + 1,) on."""

    first_run_n: np.ndarray  # int64
    delay_ms_r: np.ndarray  # int32
    first_r: np.ndarray  # int64
    post_e: np.ndarray  # int32
    synapse_e: np.ndarray  # int32
    weight_e: np.ndarray  # float32

    @classmethod
    def none(cls, n: int) -> Connections:
        """Of n neurons that stand alone."""
        empty = np.zeros(0, np.int32)
        return cls(np.zeros(n + 1, np.int64), empty, np.zeros(1, np.int64), empty, empty, empty.astype(np.float32))

    @classmethod
    def of_table(
        cls, table: Mapping[str, Any], n_inputs_n: np.ndarray, delay_ms: ArrayLike, drawn: Drawn | None = None
    ) -> Connections:
        """Of a table that `checked_table` takes."""
        return cls._sorted(len(n_inputs_n), *checked_table(table, n_inputs_n, delay_ms, drawn).values())

    @classmethod
    def of_matrix(
        cls, weights: Any, sign_sets: Sequence[np.ndarray], group_n: np.ndarray, delay_ms: ArrayLike, seed: int
    ) -> Connections:
        """Of a sparse matrix (N, N), from a row's neuron to a column's: each connection gets a synapse drawn by `seed`.

        weights: SciPy, any form; above 0: to one of the target's excitatory synapses, below: to an inhibitory one.
        sign_sets: of each group of neurons, the sign of each synapse. group_n (N,): the group of each neuron.
        delay_ms: one number, or one for each stored weight in the order of CSR.
        """
        matrix, n = weights.tocsr(), len(group_n)
        if matrix.shape != (n, n):
            raise InputError(f"connectivity: a matrix of shape {matrix.shape}, expected ({n}, {n}) for {n} neurons")
        weight = _numbers("weight", matrix.data)
        _refuse("weight", weight, ~np.isfinite(weight), None, "finite numbers")
        pre, post = np.repeat(np.arange(n), np.diff(matrix.indptr)), matrix.indices.astype(np.int64)
        synapse = Drawn(sign_sets, group_n, seed).synapses(post, weight)
        delay = _delays(delay_ms)
        if delay.shape not in {(), weight.shape}:
            raise InputError(f"delay_ms: shape {delay.shape}, expected one number, or {weight.shape} as the weights")
        return cls._sorted(n, pre, post, synapse, abs(weight), delay)

    @classmethod
    def _sorted(cls, n: int, pre, post, synapse, weight, delay) -> Connections:
        synapse, weight, delay = (np.broadcast_to(each, pre.shape) for each in (synapse, weight, delay))
        run_e = pre * (LONGEST_MS + 1) + delay
        order = np.lexsort((post, run_e))  # connections that are alike stay in the order that they came in
        run_e = run_e[order]
        first_r = np.flatnonzero(np.diff(run_e, prepend=-1))
        pre_r, delay_r = np.divmod(run_e[first_r], LONGEST_MS + 1)
        return cls(
            np.searchsorted(pre_r, np.arange(n + 1)),
            delay_r.astype(np.int32),
            np.append(first_r, len(order)),
            post[order].astype(np.int32),
            synapse[order].astype(np.int32),
            weight[order].astype(np.float32),
        )

    def incoming(self) -> Incoming:
        """The same by targets, in the order in which `due` has them: the oldest first, then by sender."""
        delay_e = np.repeat(self.delay_ms_r, np.diff(self.first_r))
        order = np.lexsort((-delay_e, self.post_e))  # what is alike stays as it is: by sender
        count_n = np.bincount(self.post_e, minlength=len(self.first_run_n) - 1)
        first_word_n = np.append(0, np.cumsum(-(-count_n // WORD)))
        post = self.post_e[order]
        place = np.arange(len(order)) - (count_n.cumsum() - count_n)[post] + WORD * first_word_n[post]
        place_e, synapse_p = np.zeros(len(order), np.int64), np.zeros(WORD * first_word_n[-1], np.int32)
        weight_p = np.zeros(len(synapse_p), np.float32)
        place_e[order], synapse_p[place], weight_p[place] = place, self.synapse_e[order], self.weight_e[order]
        return Incoming(first_word_n, place_e, synapse_p, weight_p)

    def lead_on(self, flying: SpikesInFlight, t_ms: int) -> bool:
        """Whether spikes in flight at the start of a bin are such as can be."""
        pre, since, run = flying.pre_f, flying.since_f, flying.run_f
        if not (pre.ndim == 1 and pre.shape == since.shape == run.shape):
            return False
        if not ((pre >= 0) & (pre < len(self.first_run_n) - 1)).all():
            return False
        own = (run >= self.first_run_n[pre]) & (run < self.first_run_n[pre + 1])
        return bool(own.all() and (since + self.delay_ms_r[run] >= t_ms).all() and (since < t_ms).all())

    def due(self, flying: SpikesInFlight, t_ms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Targets, synapses and weights of what arrives in a bin, spike after spike, the oldest first."""
        run = flying.run_f[: flying.count]
        run = run[self.delay_ms_r[run] == t_ms - flying.since_f[: flying.count]]
        length = self.first_r[run + 1] - self.first_r[run]
        e = np.repeat(self.first_r[run] - (length.cumsum() - length), length) + np.arange(length.sum())
        return self.post_e[e], self.synapse_e[e], self.weight_e[e]

    def route(self, flying: SpikesInFlight, t_ms: int, spiking: np.ndarray) -> None:
        """After a bin: what arrived in it goes on to its next run, or is gone; the bin's spikes, ascending, set off."""
        pre, since, run = (each[: flying.count] for each in (flying.pre_f, flying.since_f, flying.run_f))
        run = run + (self.delay_ms_r[run] == t_ms - since)
        left = run < self.first_run_n[pre + 1]
        spiking = spiking[self.first_run_n[spiking] < self.first_run_n[spiking + 1]]
        flying.pre_f = np.concatenate([pre[left], spiking]).astype(np.int32)
        flying.since_f = np.concatenate([since[left], np.full(len(spiking), t_ms)])
        flying.run_f = np.concatenate([run[left], self.first_run_n[spiking]])
        flying.count = len(flying.pre_f)


def checked_table(
    table: Mapping[str, Any], n_inputs_n: np.ndarray, delay_ms: ArrayLike, drawn: Drawn | None = None
) -> dict[str, np.ndarray]:
    """Columns pre, post, synapse, weight (else 1) and delay_ms (else the argument), by name, all of one length.

    table: a dict of arrays or a pandas table. n_inputs_n (N,): synapses of each neuron. drawn: what draws the synapses
    of a table without them, by the signs of its weights.
    Raises InputError naming the column and the first row that is at fault.
    """
    needed = COLUMNS[: 2 if drawn else 3]
    unknown = [str(name) for name in table if name not in COLUMNS]
    missing = [name for name in needed if name not in table]
    if unknown or missing:
        what = f"no column '{missing[0]}'" if missing else f"a column '{unknown[0]}'"
        others = ", ".join(COLUMNS[len(needed) :])
        raise InputError(f"connectivity: has {what}, expected {', '.join(needed)}, perhaps {others}")
    columns = {name: whole(name, table[name], len(n_inputs_n), "neurons") for name in ("pre", "post")}
    if "synapse" in table:
        columns["synapse"] = whole("synapse", table["synapse"])
    columns["weight"] = _numbers("weight", table.get("weight", 1))
    columns["delay_ms"] = _delays(table.get("delay_ms", delay_ms))
    shape = columns["pre"].shape
    for name, column in columns.items():
        if column.shape not in {(), shape} or len(shape) != 1:
            raise InputError(f"connectivity: '{name}' has shape {column.shape}, 'pre' {shape}: one length for all")
    columns = {name: np.broadcast_to(column, shape) for name, column in columns.items()}
    post, weight = columns["post"], columns["weight"]
    if "synapse" in columns:
        synapse, there = columns["synapse"], n_inputs_n[post]
        _refuse("synapse", synapse, (synapse < 0) | (synapse >= there), there, "synapses, from 0 on")
        _refuse("weight", weight, ~(np.isfinite(weight) & (weight >= 0)), None, "0 or more: its synapse says its sign")
    else:
        assert drawn is not None
        _refuse("weight", weight, ~np.isfinite(weight), None, "finite numbers")
        columns |= {"synapse": drawn.synapses(post, weight), "weight": abs(weight)}
    return {name: columns[name] for name in COLUMNS}


class Drawn(NamedTuple):
    """Synapses that a seed draws. sign_sets: of each group of neurons, the sign of each synapse; group_n (N,)."""

    sign_sets: Sequence[np.ndarray]
    group_n: np.ndarray
    seed: int | Sequence[int]

    def synapses(self, post: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """One of the target's excitatory synapses for each weight above 0, of its inhibitory ones below: (E,), int64.

        Raises InputError where a target has no such synapse.
        """
        synapse, chance = np.zeros(len(post), np.int64), np.random.default_rng(self.seed).random(len(post))
        for group, sign_s in enumerate(self.sign_sets):
            for sign in (1, -1):
                those, of_sign = (
                    (self.group_n[post] == group) & (np.sign(weight) == sign),
                    np.flatnonzero(sign_s == sign),
                )
                if those.any() and not len(of_sign):
                    raise InputError(f"connectivity: a weight of sign {sign:+d} for neurons without such synapses")
                synapse[those] = of_sign[(chance[those] * len(of_sign)).astype(np.int64)] if those.any() else 0
        return synapse


def _refuse(name: str, values: np.ndarray, wrong: np.ndarray, there: np.ndarray | None, expected: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        told = expected if there is None else f"one of {np.broadcast_to(there, wrong.shape).flat[at]} {expected}"
        raise InputError(f"connectivity: '{name}' of connection {at} is {values.flat[at]}, expected {told}")


def whole(name: str, given: ArrayLike, n: int | None = None, what: str = "") -> np.ndarray:
    """A column of whole numbers as int64, from 0 to n - 1 where there are n of what it numbers. Raises InputError."""
    values = np.asarray(given)
    if values.dtype.kind not in "iu":
        if values.size:
            raise InputError(f"connectivity: '{name}' holds {values.dtype}, expected whole numbers")
        values = values.astype(np.int64)
    if n is not None:
        _refuse(name, values, (values < 0) | (values >= n), np.array(n), f"{what}, from 0 on")
    return values.astype(np.int64)


def _numbers(name: str, given: ArrayLike) -> np.ndarray:
    values = np.asarray(given)
    if values.dtype.kind not in "iuf" and values.size:
        raise InputError(f"connectivity: '{name}' holds {values.dtype}, expected numbers")
    with np.errstate(over="ignore"):  # what is too large is infinite, and refused as that
        return values.astype(np.float32)


def _delays(given: ArrayLike) -> np.ndarray:
    values = np.asarray(given)
    if values.dtype.kind not in "iuf":
        raise InputError(f"delay_ms: holds {values.dtype}, expected whole ms")
    wrong = ~((values >= 1) & (values <= LONGEST_MS) & (values == np.floor(values)))
    if wrong.any():
        at = int(np.argmax(wrong))
        of = f" of connection {at}" if values.ndim else ""
        raise InputError(f"delay_ms{of} is {values.flat[at]}, expected whole ms from 1 to {LONGEST_MS:,}")
    return values.astype(np.int64)
