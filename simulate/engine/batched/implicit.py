"""Equations of states that are solved together: one implicit step (backward Euler), or an explicit one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import expression as x
from .derivative import derivative
from .expression import Expression

# Newton's steps where equations are not linear. NEURON ends where changes are below 1e-6; each step doubles the digits.
TURNS = 5


def unknown(state: str) -> str:
    """The symbol of a state after the step."""
    return f"the new {state}"


def in_rate(state: str) -> str:
    """The symbol of a state where a KINETIC block calculates with it, other than as what reacts."""
    return f"{state} in a rate"


def slope_of(state: str) -> str:
    """What an execution calls a state's slope while it is gathered: a variable, so that IF chooses among slopes."""
    return f"the slope of {state}"


@dataclass
class Equations:
    """volume * dy/dt = slope for each state y, and sums of states that stay what they are.

    before: every state of the mechanism before the step. slopes: of the states that have an equation, in terms of the
    symbols `unknown`. volumes: of those that have one. conserved: state in place of whose equation a sum stands -> how
    often each state is in it, and what it is. reactions: that these are; then, as NEURON has it, rates of linear ones
    are those before the step, and states of others are not below 0.
    """

    before: dict[str, Expression]
    slopes: dict[str, Expression] = field(default_factory=dict)
    volumes: dict[str, Expression] = field(default_factory=dict)
    conserved: dict[str, tuple[list[tuple[int, str]], Expression]] = field(default_factory=dict)
    reactions: bool = False
    linear: bool = True

    def explicit(self, values: Mapping[str, Expression], step: Expression) -> dict[str, Expression]:
        """The states after an explicit step."""
        return {name: values[name] + step * slope for name, slope in self.slopes.items()}

    def implicit(self, step: Expression) -> dict[str, Expression]:
        """The states after an implicit step, by Newton's method from where they are."""
        names = sorted(self.slopes, key=lambda name: name in self.conserved)  # eliminated in this order
        meant = {in_rate(n): y if self.linear else x.symbol(unknown(n)) for n, y in self.before.items()}
        residuals = x.substitute([self._residual(name, step) for name in names], meant)
        rows = [[derivative(residual, unknown(by)) for by in names] for residual in residuals]
        unknowns = {unknown(name) for name in names}
        once = (self.reactions and self.linear) or not unknowns & x.symbols(each for row in rows for each in row)
        now = {name: self.before[name] for name in names}
        for _ in range(1 if once else TURNS):
            at = {unknown(name): value for name, value in now.items()}
            matrix = [x.substitute(row, at) for row in rows]
            change = _eliminate(matrix, [-each for each in x.substitute(residuals, at)])
            now = {name: now[name] + by for name, by in zip(names, change, strict=True)}
            if self.reactions and not once:
                now = {name: x.select(x.call("<", y, x.ZERO), x.ZERO, y) for name, y in now.items()}
        return now

    def _residual(self, name: str, step: Expression) -> Expression:
        if name in self.conserved:
            terms, total = self.conserved[name]
            left = -total
            for count, each in terms:
                left = left + x.symbol(unknown(each)) * self.volumes.get(each, x.ONE) * count
            return left
        change = (x.symbol(unknown(name)) - self.before[name]) / step
        return change * self.volumes.get(name, x.ONE) - self.slopes[name]


def _eliminate(matrix: list[list[Expression]], right: list[Expression]) -> list[Expression]:
    """The solution of a system of linear equations whose diagonal needs no pivoting; what is 0 costs nothing."""
    n = len(right)
    for k in range(n):
        for i in range(k + 1, n):
            if matrix[i][k] is not x.ZERO:
                factor = matrix[i][k] / matrix[k][k]
                for j in range(k + 1, n):
                    matrix[i][j] = matrix[i][j] - factor * matrix[k][j]
                right[i] = right[i] - factor * right[k]
    found: list[Expression] = []
    for k in reversed(range(n)):
        rest = right[k]
        for other, value in zip(reversed(range(k + 1, n)), found, strict=True):
            rest = rest - matrix[k][other] * value
        found.append(rest / matrix[k][k])
    return found[::-1]
