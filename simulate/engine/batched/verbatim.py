"""VERBATIM blocks, which are C: which of them do nothing, and what leaves a block."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ...mechanisms import random_streams
from ...mechanisms.tree import Tree, everything, kind, named, parts

C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
RETURN = re.compile(r"return\s*(?:\(?\s*0?\.?0*\s*\)?)?\s*;")
LEFT_EARLY = ("ProcedureBlock", "NetReceiveBlock")  # a FUNCTION's value would be what `return` says
ROUTINES = ("FunctionBlock", "ProcedureBlock")
MACRO = re.compile(r"^[ \t]*#[ \t]*(?:define|undef)\b", re.MULTILINE)
BRANCHES = ("ElseIfStatement", "ElseStatement")


def found(program: Sequence[Tree], picks: Collection[str] = ()) -> list[bool]:
    """Of every VERBATIM in order, whether it can be done without C. picks: FUNCTIONs that draw a random number.

    It is empty, only comments, the `return 0;` that ends a PROCEDURE, or the `return;` that ends a branch of an IF, of
    which `without_returns` makes an ELSE. Elsewhere `return` skips what follows it. Or nobody comes to it: it stands in
    a routine that no block calls, or outside of all of them without a macro. Or it goes back to the first of a stream's
    random numbers in INITIAL.
    """
    ends: set[int] = set()
    idle = _never_called(program)
    for block in program:
        if kind(block) == "InitialBlock":
            idle |= {id(node) for node in everything([block]) if _is_c(node) and random_streams.goes_back(named(node))}
        if kind(block) == "FunctionBlock" and named(block) in picks:
            idle |= {id(node) for node in everything([block]) if _is_c(node)}
        if kind(block) == "Verbatim" and not MACRO.search(named(block)):
            idle.add(id(block))
    for block in program:
        if kind(block) in LEFT_EARLY:
            statements = parts(_body(block))
            if kind(block) == "ProcedureBlock" and statements:
                ends.add(id(statements[-1]))
            ends |= {id(end) for statement in statements for end in _ends(statement)}
    blocks = [node for node in everything(list(program)) if kind(node) == "Verbatim"]
    codes = [_code(node) for node in blocks]
    return [
        not code or id(node) in idle or (id(node) in ends and bool(RETURN.fullmatch(code)))
        for node, code in zip(blocks, codes, strict=True)
    ]


def _never_called(program: Sequence[Tree]) -> set[int]:
    """The VERBATIM in routines that no other block calls, one after another."""
    routines = {named(block): block for block in program if kind(block) in ROUTINES}
    waiting = [block for block in program if kind(block) not in ROUTINES]
    called: set[str] = set()
    while waiting:
        for node in everything([waiting.pop()]):
            if kind(node) == "FunctionCall" and (name := named(node)) in routines.keys() - called:
                called.add(name)
                waiting.append(routines[name])
    never = [block for name, block in routines.items() if name not in called]
    return {id(node) for node in everything(never) if _is_c(node)}


def _is_c(node: Tree) -> bool:
    return kind(node) == "Verbatim"


def without_returns(body: Tree) -> Tree:
    """A PROCEDURE's or NET_RECEIVE's body where what follows an IF that may leave it stands in that IF's ELSE."""
    statements = parts(body)
    for at, statement in enumerate(statements):
        if not any(_leaves(end) for end in _ends(statement)):
            continue
        rest = without_returns({"StatementBlock": statements[at + 1 :]})
        condition, then, *others = parts(statement)
        branches = [then, *(parts(other)[-1] for other in others)]
        bodies = [each if _leaves_at_end(each) else _joined(each, rest) for each in branches]
        joined = [{kind(other): [*parts(other)[:-1], body]} for other, body in zip(others, bodies[1:], strict=True)]
        if not others or kind(others[-1]) != "ElseStatement":
            joined.append({"ElseStatement": [rest]})
        return {"StatementBlock": [*statements[:at], {"IfStatement": [condition, bodies[0], *joined]}]}
    return body


def _ends(statement: Tree) -> list[Tree]:
    """The last statements of an IF's branches."""
    if kind(statement) != "IfStatement":
        return []
    _, then, *others = parts(statement)
    branches = [then, *(parts(other)[-1] for other in others if kind(other) in BRANCHES)]
    return [parts(branch)[-1] for branch in branches if parts(branch)]


def _leaves_at_end(branch: Tree) -> bool:
    return bool(parts(branch)) and _leaves(parts(branch)[-1])


def _leaves(statement: Tree) -> bool:
    return kind(statement) == "Verbatim" and bool(RETURN.fullmatch(_code(statement)))


def _joined(first: Tree, then: Tree) -> Tree:
    """One after the other; what is LOCAL in the first is not in the other."""
    return {"StatementBlock": [{"ExpressionStatement": [first]}, {"ExpressionStatement": [then]}]}


def _code(node: Tree) -> str:
    return C_COMMENT.sub(" ", named(node)).strip()


def _body(block: Tree) -> Tree:
    return next(part for part in parts(block) if kind(part) == "StatementBlock")
