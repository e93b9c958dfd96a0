"""Expressions as C++ statements that can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from . import expression as x
from .expression import Expression

BINDING = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6}
SIGN, WHOLE = 7, 9  # how tightly a sign, and a name or a call, bind
IN_C = {ord("."): "_", ord("["): "_", ord("]"): "", ord(" "): "_"}
LARGEST = {"float": 3e38, "double": 1e308}


def literal(value: float, real: str) -> str:
    """A number as C++ writes it. real: 'float' or 'double'.

    >>> literal(2.0, "float"), literal(-0.1, "double")
    ('2.0f', '(-0.1)')
    """
    value = max(-LARGEST[real], min(LARGEST[real], value))
    text = f"{value:.9g}" if real == "float" else repr(float(value))
    text = (text if set(text) & set(".en") else text + ".0") + ("f" if real == "float" else "")
    return f"({text})" if value < 0 else text


def plain(variable: str) -> str:
    """A variable's name in C++.

    >>> plain("Ih.m"), plain("pool.ca[2]"), plain("t")
    ('Ih_m', 'pool_ca_2', 't_ms')
    """
    return "t_ms" if variable == "t" else variable.translate(IN_C)


class Writer:
    """Writes a block: what is used twice, or has a name in the NMODL, is computed once, under a name.

    called: expression -> that name. taken: names that are there already, which it would hide. kind: the type of what is
    computed, 'V' for a tile's lanes, 'real' for one lane. arrays: name -> its first row, and how far rows are apart.
    """

    def __init__(
        self,
        real: str,
        called: Mapping[Expression, str],
        taken: Iterable[str] = (),
        kind: str = "V",
        arrays: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._real, self._called, self._kind, self._arrays = real, called, kind, arrays
        self._text: dict[int, tuple[str, int]] = {}  # expression -> its text and how tightly that binds
        self._taken = set(taken)

    def block(self, outputs: Iterable[Expression], name_all: bool = False) -> tuple[list[str], list[str]]:
        """The texts of `outputs`, each a name where `name_all`, and the statements that come before."""
        outputs, statements = list(outputs), []
        order = x.walk(outputs)
        uses = dict.fromkeys(map(id, order), 0)
        for used in [*outputs, *(part for node in order for part in node.of)]:
            uses[id(used)] += 1
        ends = {id(node) for node in outputs} if name_all else set()
        for node in order:
            text, binding = self._expression(node)
            condition = node.op in x.COMPARISONS | x.LOGIC
            named = uses[id(node)] > 1 or node in self._called or node.op == "element"  # read before anything is set
            if id(node) in ends or (node.of and not condition and named):
                value = f"spread({text})" if id(node) in ends and self._kind == "V" else text
                text, binding = self._name(self._called.get(node, "shared")), WHOLE
                statements.append(f"const {self._kind} {text} = {value};")
            self._text[id(node)] = text, binding
        return [self._text[id(node)][0] for node in outputs], statements

    def _name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name

    def _expression(self, node: Expression) -> tuple[str, int]:
        of = [self._text[id(part)] for part in node.of]
        texts = [text for text, _ in of]
        if node.op == "constant":
            return literal(node.value, self._real), WHOLE
        if node.op == "symbol":
            return plain(node.name), WHOLE
        if node.op == "placed":
            return f"t.numbers + {int(node.value)}, {node.name}", WHOLE
        if node.op == "array":
            return f"{self._arrays[node.name]}, {int(node.value)}", WHOLE
        if node.op == "element":
            where, index = ("t", f"spread({texts[0]})") if self._kind == "V" else ("t, lane", texts[0])
            return f"element({where}, {texts[1]}, {index})", WHOLE
        if node.op in BINDING:
            binding = BINDING[node.op]
            left = texts[0] if of[0][1] >= binding else f"({texts[0]})"
            right = texts[1] if of[1][1] > binding else f"({texts[1]})"
            return f"{left} {node.op} {right}", binding
        if node.op in ("neg", "!"):
            sign = "-" if node.op == "neg" else "!"
            return sign + (texts[0] if of[0][1] > SIGN else f"({texts[0]})"), SIGN
        if node.op == "/" and self._kind == "real":
            return f"({texts[0]}) / ({texts[1]})", BINDING["*"]
        name = {"/": "quotient", "^": "pow_", "select": "select"}.get(node.op, f"{node.op}_")
        return f"{name}({', '.join(texts)})", WHOLE
