"""A list of fitted parameters as BluePyOpt's cell models have it, as a parameter file's tables.

A stub that keeps the axon's own diameters replaces it, as in the Blue Brain Project's models, of which the list says
nothing. Distances are counted as BluePyOpt counts them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ...schema import InputError
from ..parameter_file import WrongEntry, known, wrong_field
from .fit_entry import Data, Number, put

LISTS = {"all": "all", "somatic": "soma", "axonal": "axon", "basal": "basal", "apical": "apical"}
LEFT_OUT = ("v_init",)  # apical starts every trial at a voltage of its own
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
EXPONENTIAL = rf"(?:math\.)?exp\((?:\(?\{{distance\}}\)?)\*\(?(?P<steepness>{NUMBER})\)?\)"
FORMS = (  # of Markram et al. 2015: Ih along the apical dendrite, and a decay; without spaces
    re.compile(rf"\((?P<offset>{NUMBER})\+(?P<factor>{NUMBER})\*{EXPONENTIAL}\)\*\{{value\}}"),
    re.compile(rf"{EXPONENTIAL}\*\{{value\}}"),
)


class _Parameter(Data):
    param_name: str
    type: Literal["global", "section", "range"]
    sectionlist: str = "all"
    mech: str = ""
    mech_param: str = ""
    dist_type: str = "uniform"
    dist: str = ""
    value: Number | None = None
    bounds: tuple[Number, Number] | None = None


_Parameters = TypeAdapter(Annotated[list[_Parameter], Field(min_length=1)])
_Mechanisms = TypeAdapter(dict[str, list[str]])


def table(found: list, standing: Any = None) -> dict[str, Any]:
    """The tables of a parameter file. standing: what mechanisms.json holds, list of sections -> mechanisms.

    Raises WrongEntry.
    """
    try:
        parameters = _Parameters.validate_python(found)
    except ValidationError as error:
        raise wrong_field((), error) from error
    fields: dict[str, Any] = {"name": "BluePyOpt", "source": "parameters of a BluePyOpt model"}
    regions: dict[str, dict[str, Any]] = {"all": {}, "soma": {}, "axon": {}, "basal": {}}
    for sections, names in _standing(standing).items():
        for name in names:
            regions.setdefault(_region(("mechanisms.json",), sections), {})[name] = {}
    for number, each in enumerate(parameters):
        keys = (str(number), each.param_name)
        try:
            if each.type == "global":
                _set_global(fields, each)
                continue
            region, value = _region(keys, each.sectionlist), _value(each)
            regions.setdefault(region, {})
            for here in regions if region == "all" else (region,):  # what comes later holds, wherever it was set before
                put(regions[here], each.param_name, each.mech, value, regions["all"])
        except WrongEntry:
            raise
        except InputError as error:
            raise WrongEntry(keys, str(error)) from error
    if "celsius" not in fields:
        raise WrongEntry(("celsius",), "missing: add it to the file")
    return fields | {"reconstructed_axon": "shorten"} | regions


def _standing(found: Any) -> dict[str, list[str]]:
    try:
        return _Mechanisms.validate_python(found or {})
    except ValidationError as error:
        raise wrong_field(("mechanisms.json",), error) from error


def _region(keys: tuple[str, ...], sections: str) -> str:
    known((*keys, "sectionlist"), "sectionlist", sections, LISTS)
    return LISTS[sections]


def _set_global(fields: dict[str, Any], each: _Parameter) -> None:
    if each.param_name == "celsius":
        fields["celsius"] = _fitted(each)
    elif each.param_name not in LEFT_OUT:
        raise InputError("holds everywhere, which apical does not set; set it in the NMODL")


def _fitted(each: _Parameter) -> float:
    if each.value is None:
        raise InputError("is not fitted, as it has no value; write the one that the fit has found")
    return each.value


def _value(each: _Parameter) -> float | dict[str, Any]:
    """A number, or a rule of distance."""
    value = _fitted(each)
    if each.dist_type == "uniform" and each.dist in ("", "uniform", "{value}"):
        return value
    written = re.sub(r"\s", "", each.dist)
    form = next(filter(None, (form.fullmatch(written) for form in FORMS)), None)
    if form is None:
        raise InputError(
            f"{each.dist_type} distribution {each.dist!r} is none that apical knows; they are uniform, "
            "(A + B*math.exp({distance}*C))*{value} and math.exp({distance}*C)*{value}"
        )
    numbers = {"offset": 0.0, "factor": 1.0} | {name: float(text) for name, text in form.groupdict().items()}
    steepness = numbers.pop("steepness")
    return {
        "rule": "exponential",
        "scale": value,
        "steepness_per_um": steepness,
        "from_middle": True,
    } | numbers
