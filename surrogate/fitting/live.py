"""A fit to trials that are simulated while it goes on: a window of them in memory, and each seen so many times.

Trials come in chunks of window / seen. In each round every trial of the window has one stretch of it in a batch, in an
order at random; then the oldest chunk leaves, and one that was simulated meanwhile comes. So every trial is there for
`seen` rounds and is seen so often, the first and the last ones too: the window fills up at first and empties at the
end. The order hangs on the seed alone, not on how fast trials come.

B windows of a batch, T ms of a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ...simulate.schema import InputError, SpikeTrains
from .live_plan import LivePlan
from .scaling import VoltageScaling
from .spike_inputs import SpikeInputs
from .split import Split
from .targets import labels_of
from .windows import Trials

ORDER = 1  # tells the random numbers of a round's order from those of a step's windows
OF_FREE = 0.8  # of the memory that is free: the rest is for the model and for trials that are being made


class Made(Protocol):
    """A trial that was made: its input, its soma voltage (T,) and the times of its output spikes (K,)."""

    @property
    def trains(self) -> SpikeTrains: ...
    @property
    def soma_v_mv(self) -> np.ndarray: ...
    @property
    def output_spike_time_ms(self) -> np.ndarray: ...


class Source(Protocol):
    """Who makes trials, by number: such as apical.simulate.LiveTrials."""

    dataset_id: str

    @property
    def settings(self) -> dict[str, Any]: ...
    def prepare(self, trials: int) -> None: ...
    def start(self, numbers: Sequence[int]) -> None: ...
    def take(self, numbers: Sequence[int]) -> Sequence[Made | str]: ...
    def free_bytes(self) -> int: ...


class Schedule:
    """Which trial each window of each step is of."""

    def __init__(self, plan: LivePlan, *, steps: int, batch: int, seed: int) -> None:
        self._plan, self._batch, self._seed = plan, batch, seed
        self.chunks = -(-steps * batch // plan.window)
        round_r = np.arange(self.chunks + plan.seen - 1)
        self._first_r = np.maximum(round_r - plan.seen + 1, 0)  # chunk that a round begins with
        self._last_r = np.minimum(round_r, self.chunks - 1)
        self._end_r = np.cumsum((self._last_r - self._first_r + 1) * plan.chunk)

    @property
    def trials(self) -> int:
        """How many there are in all."""
        return self.chunks * self._plan.chunk

    def rounds(self, step: int) -> range:
        """The rounds that a step's windows are of."""
        ends = step * self._batch, (step + 1) * self._batch - 1
        first, last = np.searchsorted(self._end_r, ends, "right").tolist()
        return range(first, last + 1)

    def needed(self, step: int) -> range:
        """The chunks that must be there."""
        rounds = self.rounds(step)
        return range(int(self._first_r[rounds[0]]), int(self._last_r[rounds[-1]]) + 1)

    def of(self, step: int) -> np.ndarray:
        """The trial of each window (B,)."""
        rounds = self.rounds(step)
        visits = np.concatenate([self._order(each) for each in rounds])
        before = int(self._end_r[rounds[0] - 1]) if rounds[0] else 0
        first = step * self._batch - before
        return visits[first : first + self._batch]

    def _order(self, number: int) -> np.ndarray:
        """The trials of a round, one window of each."""
        first, end = (int(at) * self._plan.chunk for at in (self._first_r[number], self._last_r[number] + 1))
        return first + np.random.default_rng([self._seed, number, ORDER]).permutation(end - first)


class Rolling:
    """The trials in memory, as `Trials` has them: each by its number, while it is there."""

    def __init__(
        self,
        source: Source,
        schedule: Schedule,
        plan: LivePlan,
        sign_s: np.ndarray,
        duration_ms: int,
        spike_jitter_ms: float | None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.duration_ms = duration_ms
        self._source, self._schedule, self._plan, self._say = source, schedule, plan, say
        self._sign_s, self._jitter_ms = sign_s.astype(np.int8), spike_jitter_ms
        self._held: dict[int, list[tuple[SpikeInputs, np.ndarray, np.ndarray]]] = {}  # by chunk

    @property
    def trials(self) -> Trials:
        """What windows are drawn of."""
        inputs, labels, voltages = (_Rows(self, part) for part in range(3))
        return Trials(inputs, labels, voltages, None, self)

    def of(self, step: int) -> np.ndarray:
        """The trial of each window of a step, (B,); all of them are there then, and the next chunk is begun."""
        needed = self._schedule.needed(step)
        for chunk in [chunk for chunk in self._held if chunk not in needed]:
            del self._held[chunk]
        lacking = [chunk for chunk in needed if chunk not in self._held]
        for chunk in [*lacking, needed[-1] + 1]:
            if chunk < self._schedule.chunks:
                self._source.start(self._numbers(chunk))
        for chunk in lacking:
            self._held[chunk] = self._taken(self._numbers(chunk))
        return self._schedule.of(step)

    def trial(self, number: int) -> tuple[SpikeInputs, np.ndarray, np.ndarray]:
        """Input, labels and voltage of a trial that is there."""
        chunk, at = divmod(number, self._plan.chunk)
        return self._held[chunk][at]

    def _numbers(self, chunk: int) -> range:
        return range(chunk * self._plan.chunk, (chunk + 1) * self._plan.chunk)

    def _taken(self, numbers: range) -> list[tuple[SpikeInputs, np.ndarray, np.ndarray]]:
        """The trials of a chunk; one that went wrong is replaced by the next that did not."""
        made = self._source.take(numbers)
        good = [at for at, each in enumerate(made) if not isinstance(each, str)]
        if not good:
            raise InputError(
                f"live trials {numbers[0]} to {numbers[-1]}: all went wrong, the first since {made[0]}; change the "
                "configuration that is simulated, such as a smaller integration.dt_ms"
            )
        taken = []
        for at, number in enumerate(numbers):
            instead = next((each for each in good if each >= at), good[0])
            if instead != at and self._say is not None:
                self._say(f"trial {number} went wrong ({made[at]}): trial {numbers[instead]} is seen in its place")
            taken.append(self._prepared(made[instead]))  # type: ignore[arg-type]
        return taken

    def _prepared(self, made: Made) -> tuple[SpikeInputs, np.ndarray, np.ndarray]:
        label_t = np.zeros(self.duration_ms, np.float32)
        bins, labels = labels_of(made.output_spike_time_ms, self.duration_ms, self._jitter_ms)
        label_t[bins] = labels
        voltage_t = VoltageScaling().to_network(made.soma_v_mv).astype(np.float32)
        return SpikeInputs(made.trains, self._sign_s), label_t, voltage_t


class _Rows(Sequence):
    """One part of every trial: input, labels or voltage."""

    def __init__(self, rolling: Rolling, part: int) -> None:
        self._rolling, self._part = rolling, part

    def __len__(self) -> int:
        return self._rolling._schedule.trials

    def __getitem__(self, index):
        return self._rolling.trial(int(index))[self._part]


def split_held_out(finished: np.ndarray, plan: LivePlan, where: str) -> Split:
    """The held-out trials: first those to validate on, then those to test with. Raises InputError for too few."""
    numbers = sorted(finished.tolist())
    if len(numbers) < 2 or len(numbers) * 2 < plan.validation_trials + plan.test_trials:
        raise InputError(
            f"{where}: {len(numbers)} finished trials, but {plan.validation_trials} are to validate on and "
            f"{plan.test_trials} to test with: the configuration goes wrong, or another plan made it; give another path"
        )
    n_validation = max(1, len(numbers) * plan.validation_trials // (plan.validation_trials + plan.test_trials))
    return Split(train=[], validation=numbers[:n_validation], test=numbers[n_validation:])


def check_plan(plan: LivePlan, held_out: Trials, source: Source) -> None:
    """Raise InputError where there is too little memory for the window, going by the trials that are held out."""
    n_events = sum(len(each.trains.synapse_n) for each in held_out.inputs) / len(held_out.inputs)
    trains = held_out.inputs[0].trains
    each_bytes = n_events * trains.synapse_n.itemsize + held_out.duration_ms * (trains.count_t.itemsize + 8)
    needed, free = (plan.window + 2 * plan.chunk) * each_bytes, source.free_bytes()
    if needed > OF_FREE * free:
        fits = max(int(OF_FREE * free / each_bytes / (plan.seen + 2)), 0) * plan.seen
        advice = f"give a window of {fits} at most" if fits else "see each trial fewer times"
        raise InputError(
            f"window: {plan.window} trials and what is made beside them need {needed / 1e9:.2g} GB of "
            f"{free / 1e9:.2g} GB that are free; {advice}"
        )
