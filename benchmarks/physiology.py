"""Spike times and dendritic peaks of the dendritic protocols, converged and with the default engine.

    python benchmarks/physiology.py --morphology hay2011

Spikes are upward crossings of -10 mV at the soma, in ms; the peak is 620 um up the apical trunk, in mV.
"""

from __future__ import annotations

import argparse

from apical.simulate import biophysics, cells, mechanism_library, validate
from apical.simulate.cell import Cell
from apical.simulate.engine.base import Integration

WAYS = {"variable step, 1e-6": Integration(engine="neuron", dt_ms=None), "default": Integration()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--morphology", default="hay2011")
    options = parser.parse_args()
    mechanism_library.load()
    for parameters in biophysics.available():
        cell = Cell(cells.resolve(options.morphology), biophysics.load(parameters))
        for name, (currents, duration_ms) in validate.protocols(cell).items():
            for way, integration in WAYS.items():
                response = validate.respond(cell, currents, duration_ms, integration)
                spikes = ", ".join(f"{t:.2f}" for t in response.spike_times_ms()) or "none"
                print(f"{parameters:<10}{name:<10}{way:<20}{response.peak_mv('620 um'):>7.1f} mV   {spikes}")
        cell.close()


if __name__ == "__main__":
    main()
