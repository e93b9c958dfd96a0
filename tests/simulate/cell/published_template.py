"""A published model of layer 5 in plain NEURON: built from the hoc and NMODL of the installed MEArec wheel.

Knows nothing of apical. Run as a program, since NEURON's state is global:
    python published_template.py FOLDER BUILD REQUEST.json ANSWER.npz
FOLDER: of the model in the wheel. BUILD: a folder to copy it to and to compile its channels in; kept, it is used again.
REQUEST: runs, each with `pulses` at the soma ([start_ms, stop_ms, na]), `epsp_na` at 620 um from 300 ms on,
`duration_ms`, `v_init_mv`, and `dt_ms` (null: variable step, tolerance 1e-6).
ANSWER: `segments` (name, x, area and densities of every segment, as JSON) and for each run time_ms and voltages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

EPSP_ONSET_MS, RISE_MS, DECAY_MS = 300.0, 0.5, 5.0  # Hay et al. 2011
DENSITIES = (  # noqa: SIM905
    "g_pas e_pas cm Ra ena ek gIhbar_Ih gImbar_Im gCa_LVAstbar_Ca_LVAst gCa_HVAbar_Ca_HVA gCabar_Ca gSKv3_1bar_SKv3_1 "
    "gSK_E2bar_SK_E2 gNaTs2_tbar_NaTs2_t gNaTa_tbar_NaTa_t gNap_Et2bar_Nap_Et2 gK_Tstbar_K_Tst gK_Pstbar_K_Pst "
    "decay_CaDynamics_E2 gamma_CaDynamics_E2"
).split()


def main(folder: Path, build: Path, request: Path, answer: Path) -> None:
    copy = _compiled(folder, build)
    os.chdir(copy)  # the model's files name one another by relative paths
    from neuron import h, load_mechanisms

    load_mechanisms(str(build / "channels"))
    for file in ("stdrun.hoc", "import3d.hoc", "constants.hoc", "template.hoc"):
        h.load_file(file)
    template = re.search(r"^begintemplate (\w+)", Path("template.hoc").read_text(encoding="utf-8"), re.M)
    cell = getattr(h, template[1])(0)
    arrays = {"segments": np.array(json.dumps(_segments(cell)))}
    for number, run in enumerate(json.loads(request.read_text(encoding="utf-8"))):
        arrays |= {f"{number} {name}": values for name, values in _run(cell, **run).items()}
    np.savez(answer, **arrays)


def _compiled(folder: Path, build: Path) -> Path:
    copy = build / folder.name
    if copy.exists():
        return copy
    shutil.copytree(folder, copy)
    # Its synapse files do not compile with NEURON 9, so they stay out, and so does what places them.
    synapses = copy / "synapses" / "synapses.hoc"
    name = re.search(r"^begintemplate (\w+)", synapses.read_text(encoding="utf-8"), re.M)[1]
    synapses.write_text(f"begintemplate {name}\npublic load_synapses\nproc load_synapses() {{ }}\nendtemplate {name}\n")
    channels = build / "channels"
    if not channels.exists():  # the same file in each of the wheel's models that has it
        (channels / "mod").mkdir(parents=True)
        for file in folder.parent.glob("*/mechanisms/*.mod"):
            if not file.name.startswith("Prob"):
                shutil.copy(file, channels / "mod")
        beside = Path(sys.executable).with_name("nrnivmodl")
        nrnivmodl = str(beside) if beside.exists() else "nrnivmodl"
        subprocess.run([nrnivmodl, "mod"], cwd=channels, check=True, capture_output=True)
    return copy


def _segments(cell) -> list[dict]:
    rows = []
    for section in cell.all:
        for segment in section:
            row = {"section": section.name().split(".")[-1], "x": segment.x, "area": segment.area()}
            rows.append(row | {name: _value(section, segment, name) for name in DENSITIES})
    return rows


def _value(section, segment, name: str) -> float | None:
    owner = section if name == "Ra" else segment
    return getattr(owner, name) if hasattr(owner, name) else None


def _run(cell, pulses, epsp_na: float, duration_ms: float, v_init_mv: float, dt_ms: float | None) -> dict:
    from neuron import h

    soma = cell.soma[0](0.5)
    sites = {"soma": soma} | {f"{um} um": site for um in (400, 620) if (site := _apical(cell, um)) is not None}
    clamps = [h.IClamp(soma) for _ in pulses]
    for clamp, (start_ms, stop_ms, na) in zip(clamps, pulses, strict=True):
        clamp.delay, clamp.dur, clamp.amp = start_ms, stop_ms - start_ms, na
    if epsp_na:
        epsp = h.IClamp(sites["620 um"])
        epsp.dur = 1e9
        since_ms = np.arange(0, 100, 0.0125)
        shape = np.exp(-since_ms / DECAY_MS) - np.exp(-since_ms / RISE_MS)
        current = h.Vector(np.append(0, epsp_na * shape / shape.max()))
        times = h.Vector(np.append(0, EPSP_ONSET_MS + since_ms))
        current.play(epsp._ref_amp, times, 1)
    cvode = h.CVode()
    cvode.active(dt_ms is None)
    if dt_ms is None:
        cvode.atol(1e-6)
    else:
        h.dt = dt_ms
    time_ms = h.Vector().record(h._ref_t)
    traces = {name: h.Vector().record(site._ref_v) for name, site in sites.items()}
    h.finitialize(v_init_mv)
    until_ms = duration_ms - (dt_ms or 0) / 2  # NEURON adds steps up
    while h.t < until_ms:
        h.fadvance()
    cvode.active(False)
    return {"time_ms": np.array(time_ms)} | {name: np.array(v) for name, v in traces.items()}


def _apical(cell, um: float):
    """The thickest apical place at that path length from the soma's middle, if there is one."""
    from neuron import h

    middle = cell.soma[0](0.5)
    found = []
    for section in cell.apical:
        near, far = h.distance(middle, section(0)), h.distance(middle, section(1))
        if near < um <= far:
            found.append(section((um - near) / section.L))
    return max(found, key=lambda place: place.diam, default=None)


if __name__ == "__main__":
    main(*(Path(word).resolve() for word in sys.argv[1:]))
