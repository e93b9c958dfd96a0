"""Run by test_synapse_constructs.py in a process of its own: the synapses of synapse_constructs/ in plain NEURON and
generated.

python synapse_constructs.py FOLDER: they are compiled in FOLDER; prints JSON, by order of accuracy and section, the
largest difference in mV, and how far the voltage ranges; for threads of a GPU, how far they are from the CPU.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from against_neuron import compile_and_load
from test_cuda import LAYOUTS, Threads

from apical.simulate.engine.batched import step, trials

FILES = sorted(Path(__file__).with_name("synapse_constructs").glob("*.mod"))
STREAM = (4000000000, 12345)  # what names the trial's random streams
END_MS, DT_MS, V_INIT_MV = 100.0, 0.025, -65.0
# Section -> its density mechanisms and point processes: (name, where, weight in uS)
SECTIONS = {
    "plastic": ((), (("MadePlastic", 0.5, 0.02), ("MadePlastic", 0.5, 0.01))),
    "onset": ((), (("MadeOnset", 0.5, 0.003),)),
    "delayed": ((), (("MadeDelayed", 0.5, 0.02), ("MadeDelayed", 0.5, 0.01))),
    "no pool": ((), (("MadeCaSyn", 0.5, 0.01), ("MadeNaSyn", 0.5, 0.004))),
    "pool alone": (("MadePool",), (("MadeCaSyn", 0.9, 0.01),)),
    "all": (
        ("MadePool", "MadeKCa", "MadePotassium"),
        (("MadeCaSyn", 0.1, 0.01), ("MadeCaSyn", 0.5, 0.004), ("MadeCaSyn", 0.5, 0.008), ("MadeNaSyn", 0.5, 0.004)),
    ),
    "potassium": (("MadePotassium",), (("MadeNaSyn", 0.5, 0.004),)),
    "pulse": ((), (("MadePulse", 0.5, 0.003),)),
    "release": ((), (("MadeRelease", 0.5, 0.004), ("MadeRelease", 0.5, 0.003))),
    "failing": ((), (("MadeFailing", 0.5, 0.01),)),
    "ring": ((), (("MadeRing", 0.5, 0.01), ("MadeRing", 0.5, 0.003))),
}


def main(folder: Path) -> None:
    compile_and_load(FILES[0].parent, folder)
    from neuron import h

    soma = h.Section(name="soma")
    sections, processes, connections = [soma], [], []
    for name, (densities, points) in SECTIONS.items():
        section = h.Section(name=name)
        section.L, section.diam, section.Ra, section.nseg = 60, 10, 1e4, 3  # nearly on its own, but in one tree
        section.connect(soma(1))
        for each in ("pas", *densities):
            section.insert(each)
        section.g_pas, section.e_pas = 1e-4, V_INIT_MV
        for process, x, weight in points:
            processes.append(getattr(h, process)(section(x)))
            connections.append(h.NetCon(None, processes[-1]))
            connections[-1].weight[0] = weight
        sections.append(section)
    next(each for each in processes if "Delayed" in each.hname()).wait = 7
    processes[1].tau_facil = 0  # a condition that differs between places, and never changes
    processes[-1].width = 6  # so does an array that INITIAL sets
    soma.insert("pas")
    rng = np.random.default_rng(3)
    events_ms = [np.sort(rng.uniform(1, END_MS, 25)) for _ in processes]  # not on steps
    cell = SimpleNamespace(name="synapses", soma=soma, sections=lambda: sections)
    synapses = SimpleNamespace(processes=processes, connections=[[each] for each in connections])
    for number, process in enumerate(processes, start=1):
        if process.hname().startswith("MadeRelease"):
            process.seeds(number, *STREAM)
    known = {file.stem: (file.name, file.read_text()) for file in FILES}
    probes = [section(1 / 2) for section in sections[1:]]
    found = {}
    for second_order in (False, True):
        given = (cell, synapses, [], V_INIT_MV, DT_MS, second_order)
        made = step.build(*given, single=False, nmodl_of=known)
        (ours,) = trials.run(made, [events_ms], probes, [], END_MS, streams=[STREAM])
        h.secondorder, h.dt = 2 * second_order, DT_MS
        recorded = [h.Vector().record(site._ref_v) for site in probes]
        h.finitialize(V_INIT_MV)
        for connection, times in zip(connections, events_ms, strict=True):
            for each in times:
                connection.event(each)
        while h.t < END_MS - DT_MS / 2:
            h.fadvance()
        theirs_mv = np.array([np.array(v) for v in recorded])
        apart_mv = np.abs(ours.v_mv[:, : theirs_mv.shape[1]] - theirs_mv).max(axis=1)
        for name, apart, v_mv in zip(SECTIONS, apart_mv, theirs_mv, strict=True):
            found[f"{name}, order {1 + second_order}"] = [float(apart), float(np.ptp(v_mv))]
    for name, layout in LAYOUTS.items():
        shared = step.build(*given, single=False, nmodl_of=known, shared=True)
        (on_threads,) = trials.run(
            *(shared, [events_ms], probes, [], END_MS, [Threads(folder, shared.source.text, layout)]),
            streams=[STREAM],
        )
        found[f"threads, {name}"] = [float(np.abs(on_threads.v_mv - ours.v_mv).max()), float(np.ptp(ours.v_mv))]
    rounded = step.build(*given, single=True, nmodl_of=known)
    (in_32_bits,) = trials.run(rounded, [events_ms], probes, [], END_MS, streams=[STREAM])
    for name, apart in zip(SECTIONS, np.abs(in_32_bits.v_mv - ours.v_mv).max(axis=1), strict=True):
        found[f"{name}, 32 bits"] = [float(apart), float(np.ptp(ours.v_mv))]
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
