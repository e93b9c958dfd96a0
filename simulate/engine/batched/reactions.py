"""The statements of a KINETIC block: reactions, the volumes that they happen in, and what they conserve."""

from __future__ import annotations

from ...mechanisms.tree import Tree, everything, kind, named, parts
from . import expression as x
from .expression import Expression
from .implicit import Equations, slope_of, unknown
from .rate_tables import Tabulated


class Scheme(Tabulated):
    """An execution that adds the statements of a KINETIC block to the equations of its states."""

    _equations: Equations  # of the block that is being solved

    def _other(self, statement: Tree) -> None:
        notes = {"ReactionStatement": self._reaction, "Compartment": self._compartment, "Conserve": self._conserve}
        if kind(statement) not in notes:
            super()._other(statement)
        self._equations.reactions = True
        notes[kind(statement)](parts(statement))

    def _reaction(self, inner: list[Tree]) -> None:
        left, operator, *right = inner
        before = self._reactants(left)
        if named(operator) == "<<":
            self._set_flux("f_flux", x.ZERO)
            self._add(before, self._set_flux("b_flux", self.number(right[0])), 1)
            return
        after = self._reactants(right[0]) if named(operator) == "<->" else []
        rates = right[1:] if named(operator) == "<->" else right
        backward = self.number(rates[1]) * self._product(after) if after else x.ZERO
        forward = self.number(rates[0]) * self._product(before)
        net = self._set_flux("f_flux", forward) - self._set_flux("b_flux", backward)
        self._add(before, net, -1)
        self._add(after, net, 1)

    def _reactants(self, side: Tree) -> list[tuple[int, str]]:
        """How many, and of what, on one side of a reaction or in a sum."""
        found = []
        for node in everything([side]):
            if kind(node) == "ReactVarName":
                *count, variable = parts(node)
                found.append((int(named(count[0])) if count else 1, self.variable(variable)))
        return found

    def _product(self, side: list[tuple[int, str]]) -> Expression:
        """What a rate is multiplied by. NEURON calls a scheme linear where every side is one state."""
        product, of_states = x.ONE, 0
        for count, name in side:
            own = self.own(name)
            is_state = own in self._equations.before
            of_states += count * is_state
            for _ in range(count):
                product = product * (x.symbol(unknown(own)) if is_state else self.values[own])
        self._equations.linear &= of_states < 2
        return product

    def _add(self, side: list[tuple[int, str]], net: Expression, sign: int) -> None:
        for count, name in side:
            if self.own(name) in self._equations.before:
                self._add_slope(self.own(name), net * (sign * count))

    def _compartment(self, inner: list[Tree]) -> None:
        """`volume { states }`, or `i, volume { arrays }` where the volume of an element depends on its number."""
        counter = named(inner[0]) if kind(inner[0]) == "Name" and kind(inner[1]) != "Name" else None
        volume, *names = inner[1:] if counter else inner
        for name in map(named, names):
            for index in range(self.mechanism.sizes.get(name, 1)):
                element = f"{name}[{index}]" if name in self.mechanism.sizes else name
                own = self.own(element)
                self._equations.volumes[own] = self._number_with(volume, counter, index)

    def _conserve(self, inner: list[Tree]) -> None:
        """A sum in place of the equation of the last state in it that is no array, as NEURON has it."""
        terms = [(count, self.own(name)) for count, name in self._reactants(inner[0])]
        single = [name for _, name in terms if "[" not in name]
        self._equations.conserved[(single or [name for _, name in terms])[-1]] = terms, self.number(inner[1])

    def _set_flux(self, name: str, value: Expression) -> Expression:
        """Let `f_flux` or `b_flux` be what flows in the reaction at hand."""
        self._locals[-1][name] = value
        return value

    def _add_slope(self, state: str, flow: Expression) -> None:
        """Add what flows into a state, by the name that `values` has for it."""
        self.values[slope_of(state)] = self.values.get(slope_of(state), x.ZERO) + flow

    def _number_with(self, node: Tree, counter: str | None, index: int) -> Expression:
        """An expression's value where `counter`, if there is one, is `index`."""
        self._locals.append(self._locals[-1] | ({counter: x.constant(index)} if counter else {}))
        value = self.number(node)
        self._locals.pop()
        return value
