"""Variables that NEURON has once for all places: GLOBAL parameters of mechanisms, and ions' initial concentrations."""

from __future__ import annotations

from collections.abc import Mapping

from ..mechanisms import nmodl
from ..mechanisms.nmodl import Source
from . import parameter_file
from .parameter_file import WrongEntry

_before: dict[str, float] = {}  # what NEURON had of those that a cell of this process has set


def known(sources: Mapping[str, Source]) -> dict[str, dict[str, str]]:
    """What may be set of mechanisms, by name, and of the ions that they use: variable -> unit."""
    found: dict[str, dict[str, str]] = {name: nmodl.of_all_places(source.text) for name, source in sources.items()}
    for source in sources.values():
        for ion, _ in nmodl.USEION.findall(nmodl.without_comments(source.text)):
            found[f"{ion}_ion"] = {f"{ion}{side}0": "mM" for side in "io"}
    return {name: variables for name, variables in found.items() if variables}


def checked(table: object, known: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """A table of a parameter file, in NEURON's units. Raises WrongEntry."""
    if not isinstance(table, dict):
        raise WrongEntry(("globals",), f"expected a table such as globals.ca_ion.cai0 = '50 nM', got {table!r}")
    found: dict[str, dict[str, float]] = {}
    for name, written in table.items():
        keys = ("globals", name)
        parameter_file.known(keys, "mechanism with a GLOBAL on this cell, or ion", name, known)
        if not isinstance(written, dict):
            raise WrongEntry(keys, f"set its variables, as in {name}.{next(iter(known[name]))} = {written!r}")
        found[name] = {}
        for variable, each in written.items():
            parameter_file.known((*keys, variable), f"GLOBAL of {name}", variable, known[name])
            value = parameter_file.value((*keys, variable), each, known[name][variable], rules=False)
            found[name][variable] = float(value)  # type: ignore[arg-type]
    return found


def give(values: Mapping[str, Mapping[str, float]]) -> None:
    """Set them in this process's NEURON, also in fused mechanisms; what another cell has set is as it was before."""
    from neuron import h

    for name, value in _before.items():
        setattr(h, name, value)
    _before.clear()
    kinds, kind = h.MechanismType(0), h.ref("")
    for mechanism, variables in values.items():
        for variable, value in variables.items():
            names = [f"{variable}_{mechanism}"]
            for number in range(int(kinds.count())):
                kinds.select(number)
                kinds.selected(kind)
                names.append(f"{mechanism}_{variable}_{kind[0]}")
            for name in filter(lambda each: hasattr(h, each), names):
                _before[name] = getattr(h, name)
                setattr(h, name, value)
