"""Each fused mechanism against the single ones that it is made of: the voltage of one compartment, in plain NEURON.

Run as a program by the one who compiled them, since NEURON takes one library a process:
    python -m apical.simulate.mechanisms.fused_check LIBRARY < groups.json
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..schema import InputError
from . import fusion

AGREE_MV = 1e-4  # rounding makes 1e-9 after the spikes of a test
DURATION_MS, DT_MS, STEP_MS = 200.0, 0.025, 20.0
DENSITY_S_CM2, EK_MV, ENA_MV = 1e-3, -85.0, 50.0


def differences_mv(library: Path, groups: Iterable[Sequence[str]]) -> dict[tuple[str, ...], float]:
    """How far the voltages part, of each of `groups`; infinite where a state is no number. Raises InputError where they
    cannot be compared."""
    groups = sorted(map(tuple, groups))
    if not groups:
        return {}
    asked = [sys.executable, "-m", __spec__.name, str(library)]
    done = subprocess.run(asked, input=json.dumps(groups), capture_output=True, text=True)
    if done.returncode:
        raise not_loaded(done.stderr) or InputError(
            f"the fused mechanisms could not be compared with the single ones: {' '.join(done.stderr.split())[-300:]}"
        )
    return dict(zip(groups, json.loads(done.stdout.splitlines()[-1]), strict=True))


def not_loaded(said: str) -> InputError | None:
    """Why NEURON did not load a library, where it has a name already: its own, or of what the working folder holds."""
    found = re.search(r"already exists: (\w+)", said)
    return found and InputError(
        f"mechanism {found[1]}: NEURON has that name already; give it another one (or is there a folder "
        f"{platform.machine()} in {Path.cwd()}? NEURON loads it by itself: run apical elsewhere)"
    )


def _difference_mv(group: Sequence[str]) -> float:
    from neuron import h

    single, fused = h.Section(name="single"), h.Section(name="fused")
    for section, names in ((single, group), (fused, [fusion.name_of(group)])):
        section.L = section.diam = 20  # um
        section.Ra = 100
        for name in names:
            section.insert(name)
    _set_densities(group, single(0.5), fused(0.5))
    times_ms = np.arange(0, DURATION_MS, STEP_MS)
    currents_na = np.random.default_rng(1).uniform(-0.2, 0.5, times_ms.size)
    clamps = []
    for section in (single, fused):
        for start_ms, na in zip(times_ms, currents_na, strict=True):
            clamp = h.IClamp(section(0.5))
            clamp.delay, clamp.dur, clamp.amp = start_ms, STEP_MS, na
            clamps.append(clamp)
    apart_mv = 0.0
    for order in (0, 2):
        h.secondorder, h.dt = order, DT_MS
        if hasattr(section := fused(0.5), second := f"second_order_{fusion.name_of(group)}"):
            setattr(section, second, order / 2)
        v_mv = [h.Vector().record(section(0.5)._ref_v) for section in (single, fused)]
        h.finitialize(-70)
        while h.t < DURATION_MS:
            h.fadvance()
        found = np.abs(np.subtract(*map(np.array, v_mv))).max()
        apart_mv = max(apart_mv, float(found) if np.isfinite(found) else np.inf)
    return apart_mv


def _set_densities(group: Sequence[str], single, fused) -> None:
    """The same conductances in both, and the reversal potentials of potassium and sodium."""
    name = fusion.name_of(group)
    for ion, mv in (("ek", EK_MV), ("ena", ENA_MV)):
        for variable, segment in ((ion, single), (f"{ion}_{name}", fused)):
            if hasattr(segment, variable):
                setattr(segment, variable, mv)
    together = getattr(fused, name)
    for mechanism in group:
        alone = getattr(single, mechanism)
        for variable in _ranges(alone):
            if hasattr(together, both := f"{mechanism}_{variable}"):
                value = DENSITY_S_CM2 if _is_density(mechanism, variable) else getattr(alone, variable)
                setattr(alone, variable, value)
                setattr(together, both, value)


def _ranges(mechanism) -> list[str]:
    """The names of its parameters that vary in space."""
    from neuron import h

    standard = h.MechanismStandard(mechanism.name(), 1)
    name, found = h.ref(""), []
    for i in range(int(standard.count())):
        standard.name(name, i)
        found.append(name[0].removesuffix(f"_{mechanism.name()}"))
    return found


def _is_density(mechanism: str, variable: str) -> bool:
    from neuron import h

    return h.units(f"{variable}_{mechanism}") in ("S/cm2", "mho/cm2", "siemens/cm2")


def main(library: str) -> None:
    from neuron import h

    h.nrn_load_dll(library)
    h.celsius = 34
    print(json.dumps([_difference_mv(group) for group in json.load(sys.stdin)]))


if __name__ == "__main__":
    main(sys.argv[1])
