"""One trial: its input spikes, the neuron's response to them, and both as the arrays of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ..cell.built import Cell
from ..config import Simulation
from ..cores import threads_beside
from ..engine.interface import Integration, Passed, Recording, unheard
from ..schema import FINE_PER_MS, InputError
from . import output_spikes
from .detailed import DetailedNeuron
from .input import TrialInput
from .lif import LifNeuron

MAX_RATE_HZ = 250.0  # room for output spikes per trial; the cell's refractory period keeps it far below
MIN_SPIKES = 16

Events = list[np.ndarray]  # of a trial, by synapse: the ms of its input spikes


class FailedTrial(RuntimeError):
    """A trial that cannot be used, and why; `arrays` are what to write of it: its input, and NaN."""

    def __init__(self, reason: str, arrays: dict[str, np.ndarray]) -> None:
        super().__init__(reason)
        self.arrays = arrays


@dataclass(frozen=True)
class Layout:
    """What a dataset of an experiment holds.

    dtypes: of each variable. coordinates: of synapses and segments. n_spike: room for output spikes per trial.
    n_trials: how many trials there are input spikes for; None where they are drawn.
    """

    dtypes: dict[str, np.dtype | str]
    coordinates: dict[str, np.ndarray]
    n_spike: int
    n_trials: int | None

    def check(self, trials: int) -> None:
        """Raises InputError where there are input spikes for fewer than `trials` trials."""
        if self.n_trials is not None and trials > self.n_trials:
            raise InputError(
                f"trials: the given input spikes have {self.n_trials} trials, {trials} are asked for: "
                f"give --trials {self.n_trials} at most"
            )


class Experiment:
    """The configured neuron and its input in this process, built once and reused for every trial.

    neuron: what responds. tree, length_um (N,): of its segments. device: where engine 'batched' runs, 'cpu' or 'cuda'.
    Trials are drawn and put into arrays by any thread; NEURON, and so `respond`, is one thread's at a time.
    Raises InputError for a configuration that this neuron cannot have.
    """

    def __init__(self, config: Simulation, device: str = "cpu") -> None:
        self.config, self._device = config, device
        self.neuron = LifNeuron(config.lif) if config.lif is not None else DetailedNeuron(config, device)
        self.tree, self.length_um = self.neuron.tree, self.neuron.length_um
        self._input = TrialInput(config, self.neuron)
        self._layout = self._described()

    @property
    def cell(self) -> Cell:
        """The NEURON cell of a detailed neuron."""
        assert isinstance(self.neuron, DetailedNeuron)
        return self.neuron.cell

    def close(self) -> None:
        """Free what the neuron holds in NEURON; another experiment may then be built in this process."""
        if isinstance(self.neuron, DetailedNeuron):
            self.neuron.close()

    def input_spikes(self, trial: int) -> np.ndarray:
        """Input spikes of trial number `trial`, shape (S, T), boolean: drawn, or as the user gave them."""
        return self._input.trial(trial)

    def run(self, trial: int) -> Trial:
        """The response to the input of trial number `trial`. Raises Unstable where the voltage runs away."""
        return self.replay(self.input_spikes(trial))

    def replay(self, input_spikes: np.ndarray, integration: Integration | None = None) -> Trial:
        """The response to given input spikes, shape (S, T), boolean: a spike in bin t arrives at t ms.

        integration: instead of the configuration's. Raises Unstable where the voltage runs away.
        """
        return self._trial(input_spikes, self.neuron.respond(input_spikes, integration))

    def _trial(self, input_spikes: np.ndarray, recording: Recording) -> Trial:
        time_ms = np.round(recording.time_ms, 6)  # NEURON adds steps up
        return Trial(input_spikes, time_ms, recording.v_mv[0], recording.coarse_v_mv, recording.spike_time_ms)

    def layout(self) -> Layout:
        """What a dataset of this experiment holds."""
        return self._layout

    def _described(self) -> Layout:
        config = self.config
        optional = {
            "soma_v_fine_mv": config.record_fine,
            "nexus_v_mv": config.record_nexus,
            "dendrite_v_mv": config.record_dendrites != "none",
        }
        dtypes: dict[str, np.dtype | str] = {"input_spikes": "bool", "soma_v_mv": "f4", "output_spike_time_ms": "f8"}
        return Layout(
            dtypes | {name: "f4" for name, wanted in optional.items() if wanted},
            self.neuron.coordinates(),
            max(MIN_SPIKES, int(config.seconds * MAX_RATE_HZ)),
            self._input.n_trials,
        )

    def simulate(self, trial: int) -> dict[str, np.ndarray]:
        """The arrays of trial number `trial` by name, for schema.write_trial.

        Raises FailedTrial, with the arrays to write of it, where the voltage runs away or it fires without pause.
        """
        (found,) = self.simulate_many([trial])
        if isinstance(found, FailedTrial):
            raise found
        return found

    def simulate_many(self, trials: Sequence[int]) -> Iterator[dict[str, np.ndarray] | FailedTrial]:
        """The same for each of several trials, side by side where the engine can; FailedTrial where one went wrong."""
        events = self.draw(trials)
        return map(self.arrays, events, self.respond(events))

    def draw(self, trials: Sequence[int]) -> list[Events]:
        """Their input: as events, since many trials' input spikes bin by bin would fill the memory."""
        with ThreadPoolExecutor(threads_beside(self._device)) as pool:
            return list(pool.map(self._events, trials))

    def respond(self, events: Sequence[Events], passed: Passed = unheard) -> Iterable[Recording | RuntimeError]:
        """The response to each trial's input, or the error of one that went wrong; all integrated when it returns.

        passed: see engine.run.run_many.
        """
        return self.neuron.respond_to_events(events, self.config.duration_ms, passed=passed)

    def arrays(self, events: Events, response: Recording | RuntimeError) -> dict[str, np.ndarray] | FailedTrial:
        """A trial's arrays from its input and the response; FailedTrial where it went wrong."""
        spikes = np.zeros((len(events), self.config.duration_ms), bool)
        synapse = np.repeat(np.arange(len(events)), np.array([len(times) for times in events], int))
        spikes[synapse, np.concatenate([np.empty(0, np.int32), *events])] = True
        arrays = self._empty() | {"input_spikes": spikes}
        if isinstance(response, RuntimeError):
            return FailedTrial(" ".join(str(response).split()), arrays)
        return self._filled(arrays, self._trial(spikes, response))

    def _events(self, trial: int) -> Events:
        """All at once: row by row, threads would wait for each other's Python."""
        spikes = self.input_spikes(trial)
        synapse, ms = np.divmod(np.flatnonzero(spikes), spikes.shape[1])
        ends = np.cumsum(np.bincount(synapse, minlength=len(spikes))).tolist()
        ms = ms.astype(np.int32)
        return [ms[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _filled(self, arrays: dict[str, np.ndarray], response: Trial) -> dict[str, np.ndarray] | FailedTrial:
        """A trial's arrays, filled from the response to its input."""
        times_ms, room = response.output_spike_times_ms(), arrays["output_spike_time_ms"]
        if len(times_ms) > len(room):
            return FailedTrial(f"{len(times_ms)} output spikes, more than {MAX_RATE_HZ:g} Hz", arrays)
        room[: len(times_ms)] = times_ms
        arrays["soma_v_mv"] = response.sampled_mv(1)
        if "soma_v_fine_mv" in arrays:
            arrays["soma_v_fine_mv"] = response.sampled_mv(FINE_PER_MS)
        if isinstance(self.neuron, DetailedNeuron):
            segments = self.neuron.recorded
            if "dendrite_v_mv" in arrays:
                arrays["dendrite_v_mv"][segments] = response.coarse_v_mv[: len(segments)]
            if "nexus_v_mv" in arrays:
                arrays["nexus_v_mv"] = response.coarse_v_mv[len(segments)]
        return arrays

    def _empty(self) -> dict[str, np.ndarray]:
        layout, ms = self.layout(), self.config.duration_ms
        shapes = {
            "soma_v_mv": (ms,),
            "soma_v_fine_mv": (ms * FINE_PER_MS,),
            "nexus_v_mv": (ms,),
            "dendrite_v_mv": (len(self.tree), ms),
            "output_spike_time_ms": (layout.n_spike,),
        }
        return {name: np.full(shapes[name], np.nan, dtype) for name, dtype in layout.dtypes.items() if name in shapes}


@dataclass(frozen=True)
class Trial:
    """Input spikes (S, T) and the soma voltage at every step: time_ms (n,), v_mv (n,).

    coarse_v_mv: voltages of further sites at whole ms, (sites, T). spike_time_ms: where the neuron says when it fires.
    """

    input_spikes: np.ndarray
    time_ms: np.ndarray
    v_mv: np.ndarray
    coarse_v_mv: np.ndarray = field(default_factory=lambda: np.empty((0, 0), "f4"))
    spike_time_ms: np.ndarray | None = None

    def sampled_mv(self, per_ms: int) -> np.ndarray:
        """Soma voltage at `per_ms` samples per ms from 0, shape (T per_ms,)."""
        grid_ms = np.arange(self.input_spikes.shape[1] * per_ms) / per_ms
        return np.interp(grid_ms, self.time_ms, self.v_mv).astype("f4")

    def output_spike_times_ms(self) -> np.ndarray:
        """Times of the output spikes: as the neuron says, or else the peak of each somatic spike.

        A peak is found at 8 samples per ms as published, then placed at the nearest step.
        Source: Beniaguev et al. 2021, local maxima of the 8-per-ms trace above -25 mV.
        """
        if self.spike_time_ms is not None:
            return self.spike_time_ms
        times_ms = []
        for peak in output_spikes.peaks(self.sampled_mv(FINE_PER_MS)):
            around = np.abs(self.time_ms - peak / FINE_PER_MS) <= 1 / FINE_PER_MS
            times_ms.append(self.time_ms[around][np.argmax(self.v_mv[around])])
        return np.array(times_ms)
