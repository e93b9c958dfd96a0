"""The same cell in plain NEURON and generated, for the programs beside this file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from apical.simulate.engine.batched import step, trials


def compile_and_load(nmodl: Path, folder: Path) -> None:
    """Compile a folder of NMODL, in `folder` and without optimising, and load it into this process's NEURON."""
    from neuron import h

    script = Path(sys.executable).with_name("nrnivmodl")
    command = [sys.executable, script, "-incflags", "-O0", nmodl]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    h.nrn_load_dll(str(next(folder.glob("*/libnrnmech.*"))))


def in_both_orders(
    cell, currents, probes, known, v_init_mv: float, dt_ms: float, end_ms: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Order of accuracy, the generated code's voltages and plain NEURON's, each (probes, steps + 1).

    known: mechanism -> its file's name and text.
    """
    from neuron import h

    for second_order in (False, True):
        made = step.build(cell, None, currents, v_init_mv, dt_ms, second_order, single=False, nmodl_of=known)
        (ours,) = trials.run(made, [[]], probes, [], end_ms)
        h.secondorder, h.dt = 2 * second_order, dt_ms
        recorded = [h.Vector().record(site._ref_v) for site in probes]
        h.finitialize(v_init_mv)
        while h.t < end_ms - dt_ms / 2:
            h.fadvance()
        theirs_mv = np.array([np.array(v) for v in recorded])
        yield 1 + second_order, ours.v_mv[:, : theirs_mv.shape[1]], theirs_mv
