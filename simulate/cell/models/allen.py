"""`fit_parameters.json` of a biophysical model of the Allen Cell Types Database, as a parameter file's tables.

Source: what the AllenSDK makes of such a file (allensdk.model.biophysical). `pas` stands everywhere; a stub replaces
the axon. A perisomatic model gives capacitances and the leak's reversal in `passive`, and its stub is 1 um thick; an
all-active one gives them with all else in `genome`, and its stub keeps the axon's own diameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from ...schema import InputError
from ..parameter_file import WrongEntry, known, wrong_field
from .fit_entry import Data, Number, put

REGIONS = {"soma": "soma", "axon": "axon", "dend": "basal", "apic": "apical"}
EXPECTED = "expected fit_parameters.json of a biophysical model, with passive, conditions and genome"


class _Capacitance(Data):
    section: str
    cm: Number


class _Passive(Data):
    ra: Number
    cm: list[_Capacitance] | None = None
    e_pas: Number | None = None


class _Reversal(Data):
    section: str
    ek: Number | None = None
    ena: Number | None = None


class _Conditions(Data):
    """v_init: apical starts every trial at a voltage of its own."""

    celsius: Number
    v_init: Number | None = None
    erev: tuple[_Reversal, ...] = ()


class _Gene(Data):
    section: str
    name: str
    value: Number
    mechanism: str = ""


class _Fit(Data):
    """Other parts say how it was fitted, and where files lie."""

    model_config = ConfigDict(extra="ignore")
    passive: list[_Passive] = Field(min_length=1, max_length=1)
    conditions: list[_Conditions] = Field(min_length=1, max_length=1)
    genome: list[_Gene] = Field(min_length=1)


def table(found: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a parameter file. Raises InputError for another model than a biophysical one, WrongEntry."""
    if "genome" not in found:
        if str(found.get("type", "")).startswith("GLIF") or {"coeffs", "th_inf"} <= found.keys():
            raise InputError(f"is a GLIF model, a point neuron without a morphology; {EXPECTED}")
        raise InputError(f"is no model that apical knows (it has {', '.join(list(found)[:5])}); {EXPECTED}")
    try:
        fit = _Fit.model_validate(found)
    except ValidationError as error:
        raise wrong_field((), error) from error
    (passive,), (conditions,) = fit.passive, fit.conditions
    perisomatic = passive.cm is not None
    kind = "perisomatic" if perisomatic else "all-active"
    regions: dict[str, dict[str, Any]] = {"soma": {}, "axon": {}}
    for number, each in enumerate(passive.cm or []):
        regions.setdefault(_region(("passive", "0", "cm", str(number)), each.section), {})["cm"] = each.cm
    for number, gene in enumerate(fit.genome):
        keys = ("genome", str(number))
        entries = regions.setdefault(_region(keys, gene.section), {})
        try:
            put(entries, gene.name, gene.mechanism, gene.value)
        except InputError as error:
            raise WrongEntry((*keys, "name"), str(error)) from error
    for number, reversal in enumerate(conditions.erev):
        region = _region(("conditions", "0", "erev", str(number)), reversal.section)
        if region in regions:  # a list of all there may be, also for a cell without apical dendrite
            regions[region] |= reversal.model_dump(exclude={"section"}, exclude_none=True)
    leak = {"e": passive.e_pas} if perisomatic and passive.e_pas is not None else {}
    return {
        "name": f"Allen {kind}",
        "source": f"Allen Cell Types Database, biophysical model, {kind}",
        "celsius": conditions.celsius,
        "reconstructed_axon": "replace" if perisomatic else "shorten",
        "all": {"Ra": passive.ra, "pas": leak},
        **regions,
    }


def _region(keys: tuple[str, ...], section: str) -> str:
    if section == "glob":
        raise WrongEntry(
            (*keys, "section"), "'glob' sets what holds everywhere, which apical does not; set it in the NMODL"
        )
    known((*keys, "section"), "section", section, REGIONS)
    return REGIONS[section]
