"""The cell under test: runs protocols on it, and keeps an eye on every voltage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..cell.built import Cell
from ..engine.interface import Epsp, Integration, Pulse
from . import protocols
from .checks import Reference
from .protocols import Response

CONVERGED = Integration(engine="neuron", dt_ms=None)


@dataclass
class Specimen:
    """A cell in this process's NEURON, how it is integrated, and what is known of it.

    quick: sections leave out their longest runs. after_run: called after every run, to show progress.
    largest_mv: the largest absolute voltage seen so far; infinite once one was not a number.
    """

    cell: Cell
    integration: Integration
    reference: Reference
    quick: bool = False
    after_run: Callable[[], None] = lambda: None
    largest_mv: float = 0.0

    def run(
        self,
        currents: Sequence[Pulse | Epsp],
        duration_ms: float,
        integration: Integration | None = None,
        v_init_mv: float = protocols.V_INIT_MV,
        sites: dict[str, object] | None = None,
    ) -> Response:
        """Run point currents and record `sites`, by default soma and apical trunk; see protocols.respond."""
        response = protocols.respond(
            self.cell, currents, duration_ms, integration or self.integration, v_init_mv, sites
        )
        self.watch(np.array(list(response.v_mv.values())))
        return response

    def watch(self, v_mv: np.ndarray) -> None:
        """Take note of a run's voltages."""
        largest = np.abs(v_mv).max()
        self.largest_mv = max(self.largest_mv, float(largest)) if np.isfinite(largest) else np.inf
        self.after_run()

    @property
    def soma(self) -> object:
        return self.cell.soma(0.5)

    @property
    def fixed_step(self) -> Integration:
        """The integration, or the default one where it has no step."""
        return self.integration if self.integration.dt_ms is not None else Integration()
