"""What a synapse is made of: receptors, each a point process with its parameters; shipped, changed, or a user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from ..mechanisms import nmodl
from ..mechanisms.nmodl import Mechanism
from ..names import nearest
from . import parameter_file, pointers
from .distance_rules import Rule, Value
from .parameter_file import WrongEntry
from .pointers import Pointing


class Receptor(BaseModel):
    """A point process, the weight of an event that it receives, and its parameters, in the units of its NMODL."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    process: str
    weight: Value = 1.0
    parameters: dict[str, Pointing] = {}


# Times in ms, gmax in uS, e in mV; an event of weight 1 peaks at gmax. Source: Beniaguev et al. 2021 and its code.
EXCITATORY = {
    "AMPA": Receptor(process="Receptor", parameters={"tau_r": 0.3, "tau_d": 3.0, "gmax": 4e-4, "e": 0.0}),
    "AMPA_NMDA": Receptor(
        process="AMPA_NMDA",
        parameters={
            "tau_r_ampa": 0.3,
            "tau_d_ampa": 3.0,
            "gmax_ampa": 4e-4,
            "tau_r_nmda": 2.0,
            "tau_d_nmda": 70.0,
            "gmax_nmda": 4e-4,
            "e": 0.0,
            "mg": 1.0,
        },
    ),
}
INHIBITORY = {
    "GABA_A": Receptor(process="Receptor", parameters={"tau_r": 0.2, "tau_d": 8.0, "gmax": 1e-3, "e": -80.0}),
    "GABA_B": Receptor(process="Receptor", parameters={"tau_r": 3.5, "tau_d": 260.9, "gmax": 1e-3, "e": -97.0}),
}
SHIPPED = EXCITATORY | INHIBITORY
TOGETHER = {"GABA_AB": ("GABA_A", "GABA_B")}
RISES_BEFORE_IT_DECAYS = ("Receptor", "AMPA_NMDA")  # tau_r... below tau_d...: what they divide by


def names(synapse: str) -> tuple[str, ...]:
    """The receptors that share a synapse's input spikes, by name.

    >>> names("AMPA"), names("GABA_AB"), names("mine+GABA_B")
    (('AMPA',), ('GABA_A', 'GABA_B'), ('mine', 'GABA_B'))
    """
    return tuple(each for name in synapse.split("+") for each in TOGETHER.get(name, (name,)))


def of(field: str, synapse: str, defined: Mapping[str, Receptor]) -> dict[str, Receptor]:
    """The receptors of a synapse by name. field: excitatory or inhibitory. defined: those that the user has changed.

    Raises InputError for a name that is not known, or that is shipped for the other sign.
    """
    shipped = EXCITATORY if field == "excitatory" else INHIBITORY
    joined = [] if field == "excitatory" else [*TOGETHER]
    other = {*SHIPPED, *TOGETHER} - set(shipped) - set(joined)
    known = shipped | {name: receptor for name, receptor in defined.items() if name not in other}
    for name in synapse.split("+"):
        nearest(f"{field}: receptor", name, [*known, *joined])
    return {name: known[name] for name in names(synapse)}


def checked(
    tables: object,
    processes: Mapping[str, Mechanism],
    before: Mapping[str, Receptor],
    densities: Mapping[str, Mechanism],
) -> dict[str, Receptor]:
    """The receptors that tables, name -> process, weight and parameters, define, over those that there are `before`.

    A name that is there already keeps what its table leaves out. processes: that may be one. densities: to variables of
    which a POINTER may point. Raises WrongEntry.
    """
    if not isinstance(tables, Mapping):
        raise WrongEntry(("receptors",), f"expected a table of receptors, got {tables!r}")
    found = dict(before)
    for name, table in tables.items():
        keys = ("receptors", str(name))
        if not str(name).isidentifier() or name in TOGETHER:
            raise WrongEntry(
                keys, "expected a name of letters, digits and _, other than GABA_AB, which is two receptors"
            )
        if not isinstance(table, Mapping):
            raise WrongEntry(
                keys, f"expected a table, such as {{ process = 'ExpSyn', weight = '0.4 nS' }}, got {table!r}"
            )
        found[name] = _receptor(keys, table, processes, (SHIPPED | found).get(name), densities)
    return found


def _receptor(
    keys: tuple[str, str],
    table: Mapping[str, Any],
    processes: Mapping[str, Mechanism],
    before: Receptor | None,
    densities: Mapping[str, Mechanism],
) -> Receptor:
    process = table.get("process", before.process if before else None)
    if process is None:
        raise WrongEntry((*keys, "process"), f"missing: the point process; there are {', '.join(processes)}")
    parameter_file.known((*keys, "process"), "point process", process, processes)
    mechanism = processes[process]
    if mechanism.weight is None:
        raise WrongEntry((*keys, "process"), f"{process} receives no events: it has no NET_RECEIVE")
    if before is None or before.process != process:  # a shipped process has the numbers of its file, which are AMPA's
        before = next((each for each in EXCITATORY.values() if each.process == process), None)
    values: dict[str, Any] = {**before.parameters, "weight": before.weight} if before else {}
    units = mechanism.parameters | {"weight": mechanism.weight}
    for name, written in table.items():
        if name != "process":
            parameter_file.known((*keys, name), f"parameter of {process}", name, units)
            if name in mechanism.pointers and (variable := parameter_file.variable((*keys, name), written)):
                pointers.check((*keys, name), variable, process, densities)
                values[name] = variable
                continue
            values[name] = parameter_file.value((*keys, name), written, units[name])
    for needed in ("weight", *mechanism.unset):
        if needed not in values:
            raise WrongEntry((*keys, needed), f"missing: {process} has no number for it; give one in {units[needed]}")
    if process in RISES_BEFORE_IT_DECAYS:
        _check_rise(keys, values)
    weight = values.pop("weight")
    return Receptor(process=process, weight=weight, parameters=values)


def _check_rise(keys: tuple[str, str], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name.startswith("tau_r"):
            slowest, soonest = max(_ends(value)), min(_ends(values[name.replace("tau_r", "tau_d")]))
            if slowest >= soonest:
                raise WrongEntry((*keys, name), f"must be below {name.replace('tau_r', 'tau_d')}, got {slowest:g} ms")


def _ends(value: float | Rule) -> Sequence[float]:
    return value.between() if isinstance(value, Rule) else (value,)


def point_processes() -> dict[str, Mechanism]:
    """Those that are there for everybody: NEURON's and the shipped ones."""
    shipped = nmodl.by_name(nmodl.sources(), (nmodl.POINT,))
    found = {name: nmodl.mechanism(source.text) for name, source in shipped.items()}
    return nmodl.BUILT_IN_POINTS | {name: each for name, each in found.items() if each.weight is not None}
