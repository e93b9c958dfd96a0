"""A few of NEURON's own cells in one process, coupled by spikes from the same table that a `Population` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from apical.simulate.config import Simulation
from apical.simulate.engine import fresh, neuron, streams
from apical.simulate.engine.interface import Inputs, Integration
from apical.simulate.engine.pieces import Recorder
from apical.simulate.trial.detailed import V_INIT_MV, DetailedNeuron
from apical.simulate.trial.experiment import Trial
from apical.simulate.trial.output_spikes import SPIKE_PEAK_MV


class NeuronNetwork:
    """n cells of one configuration, built as those of a dataset are, on plain NEURON.

    table: columns pre, post, synapse, weight and delay_ms by name. A spike sets off where the soma passes the voltage
    that the peak of an output spike has at least, and brings its weight times that of the synapse to each receptor.
    """

    def __init__(self, config: Simulation, n: int, table: Mapping[str, np.ndarray]) -> None:
        self._integration = config.integration.model_copy(update={"engine": "neuron"})
        config = config.model_copy(update={"integration": self._integration})
        self.neurons = [DetailedNeuron(config) for _ in range(n)]
        columns = (table[name] for name in ("pre", "post", "synapse", "weight", "delay_ms"))
        rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        self._wires = [wire for row in rows for wire in self._wires_of(*row)]

    def _wires_of(self, pre: int, post: int, synapse: int, weight: float, delay_ms: float) -> list:
        from neuron import h

        soma, wires = self.neurons[pre].cell.soma, []
        for given in self.neurons[post].synapses.connections[synapse]:
            wire = h.NetCon(soma(0.5)._ref_v, given.syn(), sec=soma)
            wire.threshold, wire.delay, wire.weight[0] = SPIKE_PEAK_MV, delay_ms, weight * given.weight[0]
            wires.append(wire)
        return wires

    def respond(
        self, input_spikes: Sequence[np.ndarray], coupled: bool = True, dt_ms: float | None = None
    ) -> list[Trial]:
        """What each cell does under its input spikes (S, T), boolean: a spike in bin t arrives at t ms.

        coupled: False: as if there were no connections. dt_ms: another step than the configuration's.
        """
        from neuron import h

        duration_ms = input_spikes[0].shape[1]
        integration: Integration = self._integration.model_copy(update={} if dt_ms is None else {"dt_ms": dt_ms})
        inputs = [
            Inputs(each.synapses, [np.flatnonzero(row) for row in spikes])
            for each, spikes in zip(self.neurons, input_spikes, strict=True)
        ]
        recorder = Recorder([each.cell.soma(0.5) for each in self.neurons], (), float(duration_ms))
        neuron.prepare(integration)
        for each, given in zip(self.neurons, inputs, strict=True):
            fresh.restore(each.cell, each.synapses)
            streams.begin(each.cell, given)
        for wire in self._wires:
            wire.active(coupled)
        h.finitialize(V_INIT_MV)

        def queue(start_ms: float, stop_ms: float) -> None:
            for given in inputs:
                neuron.queue(given, start_ms, stop_ms)

        found = recorder.integrate(integration, queue)
        time_ms = np.round(found.time_ms, 6)
        return [Trial(spikes, time_ms, v_mv) for spikes, v_mv in zip(input_spikes, found.v_mv, strict=True)]

    def close(self) -> None:
        """Take all of it out of NEURON."""
        self._wires.clear()
        for each in self.neurons:
            each.close()
