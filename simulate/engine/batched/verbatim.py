"""VERBATIM blocks, which are C: which of them do nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...mechanisms.tree import Tree, everything, kind, named, parts

C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
RETURN = re.compile(r"return\s*(?:\(?\s*0?\.?0*\s*\)?)?\s*;")


def found(program: Sequence[Tree]) -> list[bool]:
    """Of every VERBATIM in order, whether it is empty, only comments, or only the `return 0;` that ends a PROCEDURE.

    Elsewhere `return` skips what follows it, or is a FUNCTION's value.
    """
    bodies = [parts(_body(block)) for block in program if kind(block) == "ProcedureBlock"]
    ends = {id(statements[-1]) for statements in bodies if statements}
    blocks = [node for node in everything(list(program)) if kind(node) == "Verbatim"]
    codes = [C_COMMENT.sub(" ", named(node)).strip() for node in blocks]
    return [
        not code or (id(node) in ends and bool(RETURN.fullmatch(code)))
        for node, code in zip(blocks, codes, strict=True)
    ]


def _body(block: Tree) -> Tree:
    return next(part for part in parts(block) if kind(part) == "StatementBlock")
