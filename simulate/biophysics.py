"""Parameter sets: passive properties and channel densities of each region, read from parameters/*.toml."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .names import nearest

REGIONS = ("soma", "axon", "basal", "apical")


class Exponential(BaseModel):
    """Value scale * (-0.8696 + 2.0870 exp(3.6161 x)) at relative distance x, capped at x_max.

    Source: Ih along the apical tree, Kole et al. 2006, as fitted in Hay et al. 2011.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    rule: Literal["exponential"]
    scale: float
    x_max: float = math.inf

    def at(self, distance_um: float, longest_um: float) -> float:
        x = min(distance_um / longest_um, self.x_max)
        return self.scale * (-0.8696 + 2.0870 * math.exp(3.6161 * x))


class Zone(BaseModel):
    """One value between two path lengths from the soma's middle, another elsewhere.

    Source: the calcium zone of Hay et al. 2011.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    rule: Literal["zone"]
    inside: float
    outside: float
    from_um: float
    to_um: float

    def at(self, distance_um: float, longest_um: float) -> float:
        return self.inside if self.from_um < distance_um < self.to_um else self.outside


Value = float | Annotated[Exponential | Zone, Field(discriminator="rule")]


class Biophysics(BaseModel):
    """Name, source, and what stands on each region's sections: NEURON names with values, mechanisms with parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    source: str
    all: dict[str, float | dict[str, Value]]
    soma: dict[str, float | dict[str, Value]]
    axon: dict[str, float | dict[str, Value]]
    basal: dict[str, float | dict[str, Value]]
    apical: dict[str, float | dict[str, Value]]

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Region -> the mechanisms that stand on its sections, where they are several."""
        regions = {region: self.region(region) for region in REGIONS}
        stand = {region: tuple(sorted(k for k, v in e.items() if isinstance(v, dict))) for region, e in regions.items()}
        return {region: mechanisms for region, mechanisms in stand.items() if len(mechanisms) > 1}

    def region(self, name: str) -> dict[str, float | dict[str, Value]]:
        """What holds for sections of region `name`: its own entries over those for all sections."""
        merged = dict(self.all)
        for key, value in getattr(self, name).items():
            shared = merged.get(key)
            merged[key] = shared | value if isinstance(shared, dict) and isinstance(value, dict) else value
        return merged


def available() -> list[str]:
    """Names of the parameter sets that are shipped.

    >>> available()
    ['hay2011', 'shai2015']
    """
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("parameters").iterdir())


@cache
def load(name: str) -> Biophysics:
    """The parameter set called `name`. Raises InputError with the nearest name where there is none."""
    nearest("biophysics", name, available())
    text = files(__package__).joinpath("parameters", f"{name}.toml").read_text(encoding="utf-8")
    return Biophysics.model_validate(tomllib.loads(text))
