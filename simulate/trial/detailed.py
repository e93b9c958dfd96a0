"""The detailed neuron: a reconstructed cell with its channels and synapses in this process's NEURON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..cell import compiling, morphologies, synapses
from ..cell.built import Cell
from ..cell.nexus import nexus
from ..engine.interface import Inputs, Integration, Passed, Recording, Together, unheard
from ..engine.run import run_many
from ..schema import InputError
from .variations import varied

if TYPE_CHECKING:
    from ..config import Simulation

V_INIT_MV = -76.0  # Beniaguev et al. 2021


class DetailedNeuron:
    """The configured cell, as `experiment.Experiment` wants it: built once and reused for every trial.

    tree, length_um (N,): of each segment. recorded: numbers of the segments of which the voltage is kept; coarse: these
    and the nexus where it is kept, as NEURON segments, recorded at whole ms. device: see engine.run.run_many.
    """

    def __init__(self, config: Simulation, device: str = "cpu") -> None:
        self.integration, self._device = config.integration, device
        self._config = config
        self._parameters = varied(config.parameter_set(), config)
        compiling.load(self._parameters, config.integration.engine)
        self._build(config.integration.takes_fused)

    def _build(self, fused: bool) -> None:
        config = self._config
        self._fused = fused
        self.cell = Cell(morphologies.resolve(config.morphology), self._parameters, fused)
        try:
            self._furnish(config, fused)
        except BaseException:
            self.cell.close()
            raise

    def _furnish(self, config: Simulation, fused: bool) -> None:
        """Choose what is recorded, which may be refused; then put synapses on the cell."""
        self.tree = np.array([segment.tree for segment in self.cell.segments])
        self.length_um = np.array([segment.length_um for segment in self.cell.segments])
        self.recorded = self._segments(config.record_dendrites)
        self.coarse = [self.cell.segments[i].neuron for i in self.recorded]
        if config.record_nexus:
            self.coarse.append(nexus(self.cell, config.nexus_um))
        self.synapses = synapses.place(
            self.cell,
            config.excitatory,
            config.inhibitory,
            fused,
            config.synapses_per_segment,
            config.without_nmda,
            config.gaba_b_factor,
            self._parameters.receptors,
        )

    def close(self) -> None:
        """Take cell and synapses out of NEURON, so that another cell may be built in this process."""
        self.synapses.connections.clear()  # a receptor without its section would be CoreNEURON's end
        self.synapses.processes.clear()
        self.coarse.clear()
        self.cell.close()

    def coordinates(self) -> dict[str, np.ndarray]:
        """Its synapses and segments, as a dataset's coordinates."""
        segments = self.cell.segments
        return {
            "synapse_sign": self.synapses.sign,
            "synapse_receptor": self.synapses.receptor,
            "synapse_segment": self.synapses.segment,
            "segment_type": self.tree,
            "segment_section": np.array([s.section for s in segments]),
            "segment_x": np.array([s.x for s in segments]),
            "segment_distance_um": np.array([s.distance_um for s in segments]),
            "segment_length_um": self.length_um,
        }

    def respond(self, input_spikes: np.ndarray, integration: Integration | None = None) -> Recording:
        """Soma voltage at every step, and the voltages at whole ms of `recorded` segments, then of the nexus.

        input_spikes (S, T): boolean; a spike in bin t arrives at t ms. integration: instead of the configured one.
        Raises Unstable where the voltage runs away.
        """
        events_ms = [np.flatnonzero(row) for row in input_spikes]
        (found,) = self.respond_to_events([events_ms], input_spikes.shape[1], integration)
        if isinstance(found, RuntimeError):
            raise found
        return found

    def respond_to_events(
        self,
        events_ms: Sequence[Sequence[np.ndarray]],
        duration_ms: int,
        integration: Integration | None = None,
        passed: Passed = unheard,
    ) -> Iterable[Recording | RuntimeError]:
        """The same for each of several trials, side by side where the engine can; an error where one goes wrong.

        events_ms: by trial and synapse, ascending times of input spikes. passed: see engine.run.run_many. All are
        integrated when it returns.
        """
        integration = integration or self.integration
        if integration.takes_fused != self._fused:
            self.close()
            self._build(integration.takes_fused)
        return run_many(
            self.cell,
            [Inputs(self.synapses, each) for each in events_ms],
            [self.cell.soma(0.5)],
            float(duration_ms),
            V_INIT_MV,
            integration,
            self.coarse,
            self._device,
            passed,
        )

    def side_by_side(self) -> Together:
        """How many trials the engine integrates in one go; for engine 'batched' its code is compiled now."""
        if self.integration.engine != "batched":
            return Together(1)
        from ..engine.batched import engine

        made = engine.build(self.cell, Inputs(self.synapses), [], V_INIT_MV, self.integration, self._device)
        return engine.side_by_side(made, self._config.duration_ms, len(self.coarse), self._device)

    def _segments(self, chosen: str | tuple[int, ...]) -> np.ndarray:
        n = len(self.cell.segments)
        if isinstance(chosen, str):
            return np.flatnonzero((chosen == "all") | (self.tree == chosen))
        for number in chosen:
            if number >= n:
                raise InputError(f"record_dendrites: the cell has segments 0 to {n - 1}, got {number}")
        return np.unique(np.array(chosen, int))
