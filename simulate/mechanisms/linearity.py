"""METHOD cnexp on an equation that is not linear, as NEURON's translator takes it.

Where the state is in a divisor, or within a function's arguments, it says so and solves the whole block by
derivimplicit. A product of the state with itself it takes for linear: the result is another equation's.
"""

from __future__ import annotations

import json

from .tree import Tree, everything, kind, named, parts

WRONG = (
    "{state}' is not linear in {state}, and NEURON's translation of METHOD cnexp computes another equation without a "
    "word; write METHOD derivimplicit"
)


def wrong_state(text: str) -> str:
    """The state of a DERIVATIVE block, solved with METHOD cnexp, that NEURON's translation gets wrong; '' for none.

    text: NMODL; of what NEURON's parser cannot read nothing is known.
    """
    from neuron import nmodl

    try:
        program = json.loads(nmodl.to_json(nmodl.NmodlDriver().parse_string(text), True))["Program"]
    except RuntimeError:
        return ""
    solved = [[named(part) for part in parts(node)] for node in everything(program) if kind(node) == "SolveBlock"]
    by_cnexp = {names[0] for names in solved if names[1:] == ["cnexp"]}
    blocks = [block for block in program if kind(block) == "DerivativeBlock" and named(block) in by_cnexp]
    return next(filter(None, (method(block)[1] for block in blocks)), "")


def method(body: Tree) -> tuple[str, str]:
    """How NEURON solves a DERIVATIVE block that asks for cnexp, and the state that no engine may solve so, or ''."""
    equations = [parts(parts(node)[0]) for node in everything([body]) if kind(node) == "DiffEqExpression"]
    if any(_implicit(right, named(left)) for left, _, right in equations):
        return "derivimplicit", ""
    wrong = (named(left) for left, _, right in equations if _degree(right, named(left)) > 1)
    return "cnexp", next(wrong, "")


def _has(node: Tree, state: str) -> bool:
    return any(kind(each) == "Name" and named(each) == state for each in everything([node]))


def _implicit(node: Tree, state: str) -> bool:
    """Whether the state stands in a divisor or in a function's arguments."""
    inner = parts(node)
    if kind(node) == "FunctionCall":
        return any(_has(argument, state) for argument in inner[1:])
    if kind(node) == "BinaryExpression" and named(inner[1]) == "/" and _has(inner[2], state):
        return True
    return any(_implicit(part, state) for part in inner)


def _degree(node: Tree, state: str) -> int:
    """The highest power of the state, above 1 for what is no polynomial."""
    inner = parts(node)
    if kind(node) == "Name":
        return int(named(node) == state)
    if kind(node) == "BinaryExpression":
        left, right, operator = _degree(inner[0], state), _degree(inner[2], state), named(inner[1])
        if operator == "*":
            return left + right
        return max(left, right) if operator in ("+", "-", "/") else 2 * max(left, right)
    return max((_degree(part, state) for part in inner), default=0)
