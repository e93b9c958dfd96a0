"""How a value changes with distance: the path length along the dendrite from the soma."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FURTHEST_UM = 5000.0  # no dendrite is longer; a value is checked up to there


class Rule(BaseModel):
    """A curve over distance. `values`: the fields that are in the parameter's own unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    values: ClassVar[tuple[str, ...]]

    @property
    def from_x(self) -> float:
        """Where in the soma distances are counted from: 0.5 is its middle, where dendrites attach, 0 its start."""
        return 0.5

    @property
    def at_ends(self) -> bool:
        """Whether a section's last segment takes the distance of the section's end, as in the published cells."""
        return True

    @abstractmethod
    def at(self, distance_um: float, longest_um: float) -> float:
        """The value `distance_um` along a tree whose furthest tip is `longest_um` away."""

    def between(self) -> tuple[float, ...]:
        """The values between which it stays everywhere."""
        return tuple(getattr(self, name) for name in self.values)


class Exponential(Rule):
    """scale * (offset + factor exp(steepness x)) at relative distance x: 0 at the soma, 1 at the tree's furthest tip.

    x_max: beyond it the value stays. steepness_per_um: in place of both, for the distance itself in um from the soma's
    start, less from_um, as Markram et al. 2015 count it. from_middle: from the soma's middle, and to the middle of each
    segment, as BluePyOpt counts it.
    Source of the default numbers: Ih along the apical tree, Kole et al. 2006, as fitted in Hay et al. 2011.
    """

    values = ("scale",)
    rule: Literal["exponential"]
    scale: float
    offset: float = -0.8696
    factor: float = 2.0870
    steepness: float = 3.6161
    x_max: float = Field(1.0, gt=0, le=1)
    steepness_per_um: float | None = Field(None, exclude_if=lambda value: value is None)  # ids stay what they were
    from_um: float = Field(0.0, exclude_if=lambda value: value == 0)
    from_middle: bool = Field(False, exclude_if=lambda value: not value)

    @model_validator(mode="after")
    def _one_distance(self) -> Exponential:
        relative = sorted({"steepness", "x_max"} & self.model_fields_set)
        if self.steepness_per_um is not None and relative:
            raise ValueError(f"{relative[0]} is of the relative distance; leave it out beside steepness_per_um")
        for name in ("from_um", "from_middle"):
            if self.steepness_per_um is None and getattr(self, name):
                raise ValueError(f"{name} is of the distance in um; give steepness_per_um too")
        return self

    @property
    def from_x(self) -> float:
        return 0.5 if self.steepness_per_um is None or self.from_middle else 0.0

    @property
    def at_ends(self) -> bool:
        return not self.from_middle

    def at(self, distance_um: float, longest_um: float) -> float:
        if self.steepness_per_um is None:
            exponent = self.steepness * min(distance_um / longest_um, self.x_max)
        else:
            # six digits: the published model is text
            counted_um = distance_um if self.from_middle else float(f"{distance_um:g}")
            exponent = (counted_um - self.from_um) * self.steepness_per_um
        return self.scale * (self.offset + self.factor * math.exp(exponent))

    def between(self) -> tuple[float, ...]:
        if self.steepness_per_um is None:
            return self.at(0, 1), self.at(1, 1)
        return self.at(0, 1), self.at(FURTHEST_UM, 1)


class _Span(Rule):
    """A rule with a beginning and an end."""

    from_um: float = 0.0
    to_um: float

    @model_validator(mode="after")
    def _ascends(self) -> _Span:
        if not self.from_um < self.to_um:
            raise ValueError(f"from_um must be below to_um, got {self.from_um:g} and {self.to_um:g}")
        return self


class Zone(_Span):
    """One value from `from_um` up to `to_um`, another elsewhere; with only one of the two it is a step.

    Source: the calcium zone of Hay et al. 2011.
    """

    values = ("inside", "outside")
    rule: Literal["zone"]
    inside: float
    outside: float
    to_um: float = Field(math.inf, allow_inf_nan=True)

    def at(self, distance_um: float, longest_um: float) -> float:
        return self.inside if self.from_um <= distance_um < self.to_um else self.outside


class Linear(_Span):
    """A straight line from `near` at `from_um` to `far` at `to_um`; constant before and beyond."""

    values = ("near", "far")
    rule: Literal["linear"]
    near: float
    far: float

    def at(self, distance_um: float, longest_um: float) -> float:
        share = (distance_um - self.from_um) / (self.to_um - self.from_um)
        return self.near + (self.far - self.near) * min(max(share, 0.0), 1.0)


class Sigmoid(Rule):
    """near + (far - near) / (1 + exp(-(distance - half_um) / slope_um)): half way from near to far at `half_um`."""

    values = ("near", "far")
    rule: Literal["sigmoid"]
    near: float
    far: float
    half_um: float
    slope_um: float = Field(gt=0)

    def at(self, distance_um: float, longest_um: float) -> float:
        u = (distance_um - self.half_um) / self.slope_um
        return self.near + (self.far - self.near) * (1 + math.tanh(u / 2)) / 2  # the same curve; never overflows


RULES: dict[str, type[Rule]] = {"exponential": Exponential, "zone": Zone, "linear": Linear, "sigmoid": Sigmoid}
Value = float | Annotated[Exponential | Zone | Linear | Sigmoid, Field(discriminator="rule")]
