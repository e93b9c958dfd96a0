"""Run by test_modeldb_style.py in a process of its own: the channels of modeldb_style/ in plain NEURON and generated.

python modeldb_style.py FOLDER: they are compiled in FOLDER; prints JSON, by order of accuracy the largest difference in
mV, and how far the voltage ranges.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from against_neuron import compile_and_load, in_both_orders

MECHANISMS = {file.stem: file.read_text() for file in Path(__file__).with_name("modeldb_style").glob("*.mod")}
END_MS, DT_MS, V_INIT_MV = 80.0, 0.025, -65.0


def main(folder: Path) -> None:
    compile_and_load(Path(__file__).with_name("modeldb_style"), folder)
    from neuron import h

    h.celsius = 30
    h.usetable_StyleNa = 0
    soma, dendrite = sections = [h.Section(name=name) for name in ("soma", "dendrite")]
    soma.L = soma.diam = 30
    dendrite.L, dendrite.diam, dendrite.nseg = 300, 2, 5
    dendrite.connect(soma(1))
    for section in sections:
        for name in ("pas", "StyleNa", "StyleKdr", "StyleCal", "StyleKCa"):
            section.insert(name)
        section.ena, section.ek, section.e_pas = 50, -90, V_INIT_MV
    for segment in dendrite:
        segment.StyleNa.gbar, segment.StyleKdr.gkdrbar = 50 * segment.x, 0.005
        segment.StyleKCa.gbar = 0.002 + 0.001 * segment.x
    h.vshift_StyleNa, h.zetan_StyleKdr = -3, -2.8
    ramps = [h.StyleRamp(soma(0.5)), h.StyleRamp(dendrite(0.7))]
    ramps[0].amp, ramps[1].amp = 1.0, 0.1
    cell = SimpleNamespace(name="style", soma=soma, sections=lambda: sections)
    known = {name: (f"{name}.mod", text) for name, text in MECHANISMS.items()}
    probes = [soma(0.5), dendrite(0.9)]
    found = {}
    for order, ours_mv, theirs_mv in in_both_orders(cell, ramps, probes, known, V_INIT_MV, DT_MS, END_MS):
        found[f"order {order}"] = {
            "difference_mv": float(np.abs(ours_mv - theirs_mv).max()),
            "largest_mv": float(theirs_mv[0].max()),
            "smallest_mv": float(theirs_mv[0].min()),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
