"""The tables of a parameter file, checked entry by entry and brought to NEURON's units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ..mechanisms import units
from ..mechanisms.nmodl import REVERSALS, Mechanism
from ..names import nearest
from ..schema import InputError
from .distance_rules import RULES, Rule
from .reading.swc import LIKE_ITS_PARENT

REGIONS = ("soma", "axon", "basal", "apical")
PROPERTIES = {"Ra": "ohm cm", "cm": "uF/cm2"} | REVERSALS  # and the reversal potentials that mechanisms ask for
BY_DISTANCE = ("cm",)  # of these; NEURON holds the others once per section
CONDUCTANCE = "conductance density"
NOT_NEGATIVE = (CONDUCTANCE, "conductance", "permeability", "concentration")
ABOVE_ZERO = ("capacitance", "resistivity", "time", "length")

Region = dict[str, Any]  # NEURON name -> number or rule; mechanism -> its parameters


WHAT_A_TYPE_IS = (*REGIONS, LIKE_ITS_PARENT)


class WrongEntry(InputError):
    """What is wrong with one entry, and the `keys` that lead to it."""

    def __init__(self, keys: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.keys = keys


def region(name: str, table: object, mechanisms: Mapping[str, Mechanism], negative_conductance: bool = False) -> Region:
    """The entries of region `name` as numbers and rules.

    mechanisms: as `nmodl.mechanisms` reads them. negative_conductance: whether there may be one. Raises WrongEntry.
    """
    if not isinstance(table, dict):
        raise WrongEntry((name,), f"expected a table [{name}], got {table!r}")
    checked: Region = {}
    properties = PROPERTIES | {each: "mV" for mechanism in mechanisms.values() for each in mechanism.reversals}
    for key, written in table.items():
        keys = (name, key)
        if key in properties:
            checked[key] = value(keys, written, properties[key], rules=key in BY_DISTANCE)
            continue
        known(keys, "mechanism", key, [*mechanisms, *properties])
        parameters = mechanisms[key].parameters
        if not isinstance(written, dict):
            example = next(iter(parameters), "parameter")
            raise WrongEntry(keys, f"is a mechanism: set its parameters, as in {key}.{example} = {written!r}")
        checked[key] = {}
        for parameter, each in written.items():
            place = (*keys, parameter)
            known(place, f"parameter of {key}", parameter, parameters)
            unit = parameters[parameter]
            if parameter in mechanisms[key].pointers and (named := variable(place, each)):
                checked[key][parameter] = named  # type: ignore[index]
                continue
            checked[key][parameter] = value(place, each, unit, negative=negative_conductance)  # type: ignore[index]
    return checked


def variable(keys: tuple[str, ...], written: object) -> str:
    """The variable that a POINTER is given; empty for a number or a rule. Raises WrongEntry for another word."""
    if not isinstance(written, str) or not re.match(r"[A-Za-z_]", written):
        return ""
    if not re.fullmatch(r"\w+\.[A-Za-z_]\w*", written):
        raise WrongEntry(keys, f"is a POINTER: expected a number, or a variable as in 'Pool.c', got {written!r}")
    return written


def types(table: object) -> dict[int, str]:
    """What the points of a type in a morphology file are, by the type's number. Raises WrongEntry."""
    if not isinstance(table, dict):
        raise WrongEntry(("types",), f"expected what each type is, as in types = {{ 5 = 'basal' }}, got {table!r}")
    for key, region in table.items():
        if not re.fullmatch(r"\d{1,9}", key):
            raise WrongEntry(("types", key), "expected the number of a type in the morphology file")
        known(("types", key), "region", region, WHAT_A_TYPE_IS)
    return {int(key): region for key, region in table.items()}


def wrong_field(keys: tuple[str, ...], error: ValidationError) -> WrongEntry:
    """The first thing that pydantic found wrong below `keys`."""
    first = error.errors()[0]
    got = "" if first["type"] in ("missing", "value_error") else f", got {first['input']!r}"
    keys = (*keys, *(str(part) for part in first["loc"]))
    return WrongEntry(keys, first["msg"].removeprefix("Value error, ") + got)


def known(keys: tuple[str, ...], what: str, name: object, names: Iterable[str]) -> None:
    """Pass if `name` is one of `names`. Raises WrongEntry with the nearest one."""
    try:
        nearest(what, str(name), names)
    except InputError as error:
        raise WrongEntry(keys, str(error)) from error


def value(
    keys: tuple[str, ...], written: object, unit: str, rules: bool = True, negative: bool = False
) -> float | Rule:
    """What stands at `keys` as a number in `unit`, or a rule. rules: whether it may be one; negative: whether a
    conductance density may be below 0. Raises WrongEntry."""
    found: float | Rule
    if isinstance(written, dict):
        if not rules:
            raise WrongEntry(keys, "is one value for a whole section: expected a number, not a rule")
        found = _rule(keys, written, unit)
        ends = found.between()
    else:
        found = _number(keys, written, unit)
        ends = (found,)
    quantity = units.quantity(unit)
    if not all(map(math.isfinite, ends)):
        raise WrongEntry(keys, f"expected a finite number, got {written!r}")
    if quantity in NOT_NEGATIVE and min(ends) < 0 and not (negative and quantity == CONDUCTANCE):
        how = "; negative_conductance = true allows it" if quantity == CONDUCTANCE else ""
        raise WrongEntry(keys, f"a {quantity} cannot be negative, got {min(ends):g} {unit}{how}")
    if quantity in ABOVE_ZERO and min(ends) <= 0:
        raise WrongEntry(keys, f"a {quantity} must be above 0, got {min(ends):g} {unit}")
    return found


def _rule(keys: tuple[str, ...], written: dict, unit: str) -> Rule:
    if "rule" not in written:
        raise WrongEntry(keys, f"expected a number, or a rule such as {{ rule = 'linear', … }}: {', '.join(RULES)}")
    name = str(written["rule"])
    known((*keys, "rule"), "rule", name, RULES)
    kind = RULES[name]
    fields: dict[str, object] = {"rule": name}
    for field, value in written.items():
        if field != "rule":
            known((*keys, field), f"field of rule '{name}'", field, [f for f in kind.model_fields if f != "rule"])
            in_unit = unit if field in kind.values else _own_unit(field)
            is_switch = kind.model_fields[field].annotation is bool
            fields[field] = value if is_switch else _number((*keys, field), value, in_unit)
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise wrong_field(keys, error) from error


def _own_unit(field: str) -> str:
    """The unit in the name of a rule's field, such as to_um or steepness_per_um."""
    return "/um" if field.endswith("_per_um") else "um" if field.endswith("_um") else "1"


def _number(keys: tuple[str, ...], written: object, unit: str) -> float:
    if isinstance(written, str):
        try:
            return units.number(written, unit)
        except ValueError as error:
            raise WrongEntry(keys, str(error)) from error
    if isinstance(written, bool) or not isinstance(written, int | float):
        example = "" if unit == "1" else f" in {unit}, or with its unit as in '1 {unit}'"
        raise WrongEntry(keys, f"expected a number{example}, got {written!r}")
    return float(written)
