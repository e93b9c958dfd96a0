"""Nodes of the syntax tree that NEURON's parser of NMODL makes: each is one key, its kind, and its parts."""

from __future__ import annotations

from collections.abc import Iterator

Tree = dict


def kind(node: Tree) -> str:
    return next(iter(node))


def parts(node: Tree) -> list[Tree]:
    """The parts of a node; a leaf, which has a value in their place, has none."""
    found = next(iter(node.values()))
    return found if isinstance(found, list) else []


def named(node: Tree) -> str:
    """The first name, number or operator in a node."""
    while isinstance(found := next(iter(node.values())), list):
        node = found[0]
    return found


def everything(nodes: list[Tree]) -> Iterator[Tree]:
    """Every node below."""
    for node in nodes:
        yield node
        yield from everything(parts(node))
