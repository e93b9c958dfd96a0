"""SOLVE: the states of a block one step on, by its METHOD, as NEURON solves them."""

from __future__ import annotations

import numpy as np

from ...mechanisms.tree import Tree, kind, named, parts
from . import expression as x
from . import linear
from .derivative import derivative
from .expression import Expression
from .implicit import Equations, in_rate, slope_of, unknown
from .reactions import Scheme
from .statements import plain
from .syntax import Routine

HALVED = {"sparse", "derivimplicit", "euler"}
STEADY_MS, STEADY_TURNS = 1e9, 7  # the step of STEADYSTATE, and how often: as NEURON's _ss_sparse_thread has them


class Solver(Scheme):
    """An execution that solves blocks; see Execution."""

    numbers: dict[str, np.ndarray]  # of every variable at each place before INITIAL, where that is run
    _residuals: list[Expression]  # of the equations of the LINEAR block at hand
    _together = False  # whether the states of the block at hand are solved together, so that slopes are gathered

    def solve(self, block: str, method: str, half_steps: bool) -> None:
        """Do what SOLVE of a block does in a step.

        half_steps: of second order, for which NEURON takes half a step and goes on as far along its line. What cnexp
        solves beside these takes half a step too, and does not go on.
        """
        of_method = self.mechanism.kinetics if method == "sparse" else self.mechanism.derivatives
        routine = of_method.get(block) or self.mechanism.routines.get(block)
        if routine is None:
            raise self.mechanism.refuse(f"SOLVE {block}", rf"\bSOLVE\s+{block}\b")
        whole, before = self.values["dt"], dict(self.values)
        halved = half_steps and not HALVED.isdisjoint(self.mechanism.solved.values())
        self.values["dt"] = step = whole * 0.5 if halved else whole
        if method in ("cnexp", ""):
            self.run(routine)
            self.values["dt"] = whole
            return
        equations = self._gather(routine, method)
        if method == "euler":
            self.values |= equations.explicit(self.values, whole)
        else:
            self._finish(equations, step)
            if half_steps:
                self.values |= {name: self.values[name] * 2 - before[name] for name in equations.slopes}
        self.values["dt"] = whole
        for name in equations.slopes:
            self.called.setdefault(self.values[name], f"new_{plain(name)}")

    def _steady(self, block: str) -> None:
        """Do what SOLVE in INITIAL does: of a LINEAR block, or of a KINETIC one with STEADYSTATE sparse."""
        if block in self.mechanism.linear:
            self._solve_linear(self.mechanism.linear[block])
            return
        if block not in self.mechanism.kinetics:
            raise self.mechanism.refuse(f"SOLVE {block} STEADYSTATE", rf"\bSOLVE\s+{block}\s+STEADYSTATE\b")
        for _ in range(STEADY_TURNS):
            self._finish(self._gather(self.mechanism.kinetics[block], "sparse"), x.constant(STEADY_MS))

    def _gather(self, routine: Routine, method: str) -> Equations:
        """Run a block with the states as unknowns, for their slopes; euler takes them as they are."""
        states = {name: self.values[name] for name in map(self.own, self.mechanism.states) if name in self.values}
        self._equations = equations = Equations(states)
        self._together = True
        if method != "euler":
            self.values |= {n: x.symbol(in_rate(n) if method == "sparse" else unknown(n)) for n in states}
        self.run(routine)
        equations.slopes = {name: self.values.pop(slope_of(name)) for name in states if slope_of(name) in self.values}
        self._together = False
        return equations

    def _finish(self, equations: Equations, step: Expression) -> None:
        """Every variable once the unknowns are known."""
        solved = equations.before | equations.implicit(step)
        known = {symbol(name): value for name, value in solved.items() for symbol in (unknown, in_rate)}
        self.values = dict(zip(self.values, x.substitute(self.values.values(), known), strict=True)) | solved

    def _solve_linear(self, routine: Routine) -> None:
        """Have the states of a LINEAR block be what its equations say, in numbers, at every place."""
        before = {name: self.values[name] for name in map(self.own, self.mechanism.states) if name in self.values}
        self.values |= {name: x.symbol(unknown(name)) for name in before}
        self._residuals = []
        self.run(routine)
        needed = x.symbols(self._residuals)
        names = [name for name in before if unknown(name) in needed]
        matrix = [derivative(residual, unknown(name)) for residual in self._residuals for name in names]
        if len(self._residuals) != len(names) or {unknown(name) for name in names} & x.symbols(matrix):
            raise self.mechanism.refuse("a LINEAR block without an equation for each state", r"\bLINEAR\b")
        right = x.substitute(self._residuals, {unknown(name): x.ZERO for name in names})
        self.values |= before
        for name, numbers in zip(names, linear.solved(matrix, right, self.numbers), strict=True):
            self.numbers[linear.solution(name)] = numbers
            self.values[name] = x.symbol(linear.solution(name))

    def _other(self, statement: Tree) -> None:
        if kind(statement) == "SolveBlock":
            self._steady(named(parts(statement)[0]))
        elif kind(statement) == "LinEquation":
            left, right = parts(statement)
            self._residuals.append(self.number(left) - self.number(right))
        else:
            super()._other(statement)

    def _advance(self, equation: Tree) -> None:
        if not self._together:
            super()._advance(equation)
            return
        state = self.own(self.variable(parts(equation)[0]))
        self.values[slope_of(state)] = self.number(parts(equation)[2])
