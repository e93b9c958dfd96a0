"""Run by test_constructs.py in a process of its own: the mechanisms of constructs/ in plain NEURON and generated.

python constructs.py FOLDER: they are compiled in FOLDER; prints JSON, by order of accuracy and mechanism, the largest
difference in mV, and how far the voltage ranges.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from against_neuron import compile_and_load, in_both_orders

from apical.simulate.cell import pointers

FILES = sorted(Path(__file__).with_name("constructs").glob("*.mod"))
TOGETHER = {"MadeShells": ("MadeShells", "MadeCalcium"), "MadeOwnCurrent": ("MadeOwnCurrent", "MadeCalcium")}
END_MS, DT_MS, V_INIT_MV = 60.0, 0.025, -65.0


def main(folder: Path) -> None:
    compile_and_load(FILES[0].parent, folder)
    from neuron import h

    names = [file.stem for file in FILES if file.stem != "MadeCalcium"]
    sections = [h.Section(name=name) for name in ("soma", *names)]
    for section in sections:
        section.L = section.diam = 20
        section.Ra = 1e12  # each is on its own, but in one tree
        section.insert("pas")
        section.g_pas, section.e_pas = 1e-4, V_INIT_MV
    clamps = []
    for name, section in zip(names, sections[1:], strict=True):
        section.connect(sections[0](1))
        for each in TOGETHER.get(name, (name,)):
            section.insert(each)
        for start_ms, amp_na in ((5, 0.05), (25, -0.03), (30, 0.1)):
            clamps.append(h.IClamp(section(0.5)))
            clamps[-1].delay, clamps[-1].dur, clamps[-1].amp = start_ms, 8, amp_na
    kept = settle(h, dict(zip(names, sections[1:], strict=True)))
    cell = SimpleNamespace(name="constructs", soma=sections[0], sections=lambda: sections)
    known = {file.stem: (file.name, file.read_text()) for file in FILES}
    probes = [section(0.5) for section in sections[1:]]
    found = {}
    for order, ours_mv, theirs_mv in in_both_orders(cell, clamps, probes, known, V_INIT_MV, DT_MS, END_MS):
        apart_mv = np.abs(ours_mv - theirs_mv).max(axis=1)
        for name, apart, v_mv in zip(names, apart_mv, theirs_mv, strict=True):
            found[f"{name}, order {order}"] = [float(apart), float(np.ptp(v_mv))]
    print(json.dumps(found))
    del kept


def settle(h, sections: dict) -> list:
    """What is set from outside: an element of an array, a start, a parameter without a default, and POINTERs."""
    for number, weight in enumerate((0.5, -0.2, 0.7, 1.1)):
        sections["MadeArrays"](0.5).MadeArrays.w[number] = weight
    sections["MadeStart"](0.5).MadeStart.n0, sections["MadeStart"](0.5).MadeStart.e = 0.9, -20
    h.m0_MadeStart = 0.4
    pointed = sections["MadePointed"](0.5).MadePointed
    return [pointers.to_number(pointed, name, number) for name, number in {"level": 0.4, "far": -50.0}.items()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
