"""FUNCTION_TABLEs of mechanisms: functions of which a parameter file brings the numbers, the same for all places."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..mechanisms import nmodl
from ..mechanisms.nmodl import Source
from . import parameter_file
from .parameter_file import WrongEntry

_kept: dict[str, tuple] = {}  # what NEURON looks up in, as long as this process lasts


class Numbers(BaseModel):
    """A function y of x, in the units of its NMODL: on the line between two points, at the ends beyond them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    x: tuple[float, ...]
    y: tuple[float, ...]

    @model_validator(mode="after")
    def _can_be_looked_up(self) -> Numbers:
        if len(self.x) != len(self.y) or len(self.x) < 2:
            raise ValueError(f"expected as many y as x, and two at least, got {len(self.x)} x and {len(self.y)} y")
        if not all(map(math.isfinite, (*self.x, *self.y))):
            raise ValueError("expected finite numbers")
        if wrong := next((b for a, b in pairwise(self.x) if not a < b), None):
            raise ValueError(f"expected x to ascend, got {wrong:g} after one that is as large")
        return self


def known(sources: Mapping[str, Source]) -> dict[str, list[str]]:
    """The functions that need numbers, by mechanism."""
    found = {name: list(nmodl.function_tables(source.text)) for name, source in sources.items()}
    return {name: functions for name, functions in found.items() if functions}


def checked(table: object, known: Mapping[str, list[str]]) -> dict[str, dict[str, Numbers]]:
    """A table of a parameter file: the numbers of functions. Raises WrongEntry."""
    example = "tables.Kv.tau = { x = [-80, 20], y = [9, 1] }"
    if not isinstance(table, Mapping):
        raise WrongEntry(("tables",), f"expected tables such as {example}, got {table!r}")
    found: dict[str, dict[str, Numbers]] = {}
    for name, written in table.items():
        parameter_file.known(("tables", name), "mechanism with a FUNCTION_TABLE", name, known)
        if not isinstance(written, Mapping):
            raise WrongEntry(("tables", name), f"expected its functions, such as {example}, got {written!r}")
        found[name] = {}
        for function, numbers in written.items():
            keys = ("tables", name, function)
            parameter_file.known(keys, f"FUNCTION_TABLE of {name}", function, known[name])
            try:
                found[name][function] = Numbers.model_validate(numbers)
            except ValidationError as error:
                raise parameter_file.wrong_field(keys, error) from error
    return found


def give(tables: Mapping[str, Mapping[str, Numbers]]) -> None:
    """Have this process's NEURON look them up."""
    from neuron import h

    for mechanism, functions in tables.items():
        for function, numbers in functions.items():
            kept = h.Vector(numbers.y), h.Vector(numbers.x)
            getattr(h, f"table_{function}_{mechanism}")(*kept)
            _kept[f"{function}_{mechanism}"] = kept
