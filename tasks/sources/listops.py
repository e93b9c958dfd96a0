"""ListOps: nested lists of operators and digits, whose value is one digit; the long sequences of the Long Range Arena.

Source: Nangia & Bowman 2018; Tay et al. 2021 with its limits. `X` closes a list, and there are no parentheses, as the
benchmark's loader has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate.schema import InputError
from ..blocks import Progress, forget, made_blocks, quiet
from ..store import Block, check_free, check_sizes, write_task

OPERATORS = ("MIN", "MAX", "MED", "SM")
CLOSE = "X"
VOCABULARY = [*(str(digit) for digit in range(10)), *OPERATORS, CLOSE]
FIRST_OPERATOR, CLOSES = 10, 14
OPERATOR_P = 0.25
MOST_DEPTH, MOST_ARGUMENTS = 10, 10
LONGER_THAN, SHORTER_THAN, MOST_TOKENS = 500, 2000, 100_000
PUBLISHED = {"train": 96_000, "validation": 2_000, "test": 2_000}
PER_BLOCK = 2000
SPLIT_OF = ("train", "validation", "test")


def make_listops(
    out: str | Path,
    *,
    train: int = PUBLISHED["train"],
    validation: int = PUBLISHED["validation"],
    test: int = PUBLISHED["test"],
    longer_than: int = LONGER_THAN,
    shorter_than: int = SHORTER_THAN,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> xr.Dataset:
    """Write expressions of more than `longer_than` and fewer than `shorter_than` tokens, no two alike.

    The limits are the published ones where they are left out. Raises InputError for limits that no expression meets.
    """
    out = Path(out)
    check_free(out, overwrite)
    if not 0 <= longer_than < shorter_than - 5 <= MOST_TOKENS:
        raise InputError(f"tokens: more than {longer_than} and fewer than {shorter_than} leaves no room below "
                         f"{MOST_TOKENS}; the published limits are {LONGER_THAN} and {SHORTER_THAN}")  # fmt: skip
    check_sizes(train, test, validation)
    sizes = (train, validation, test)
    recipe = {"made_by": "make listops", "seed": seed, "sizes": sizes, "longer_than": longer_than,
              "shorter_than": shorter_than}  # fmt: skip
    arguments = (seed, sizes, longer_than, shorter_than)
    n_blocks = -(-sum(sizes) // PER_BLOCK)
    blocks = made_blocks(out, recipe, n_blocks, make_block, arguments, workers, progress)
    made = write_task(
        out, _unlike(blocks, arguments), form="tokens", title="ListOps", n_channels=len(VOCABULARY),
        class_names=VOCABULARY[:10], vocabulary=VOCABULARY, licence="none needed", provenance=recipe,
        overwrite=overwrite,
    )  # fmt: skip
    forget(out)
    return made


def make_block(number: int, seed: int, sizes: tuple[int, ...], longer_than: int, shorter_than: int) -> Block:
    """Expressions `number` · 2000 and on of all splits, one after another."""
    rng = np.random.default_rng([seed, number])
    split = np.repeat(SPLIT_OF, sizes)[number * PER_BLOCK : (number + 1) * PER_BLOCK]
    found = [expression(rng, longer_than, shorter_than) for _ in split]
    length = np.array([len(tokens) for tokens, _ in found])
    token = np.concatenate([tokens for tokens, _ in found]).astype("u1")
    return Block([value for _, value in found], split.tolist(), [{"length": length, "token": token}])


def expression(rng: np.random.Generator, longer_than: int, shorter_than: int) -> tuple[list[int], int]:
    """Tokens and value of an expression within the limits."""
    while True:
        tokens: list[int] = []
        value = _grow(_Chance(rng), tokens, 1, shorter_than)
        if longer_than < len(tokens) < shorter_than:
            return tokens, value


class _Chance:
    """Random numbers, many drawn at once: one by one they take longer than all else."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._left: list[float] = []

    def __call__(self) -> float:
        if not self._left:
            self._left = self._rng.random(64).tolist()
        return self._left.pop()


def _grow(chance: _Chance, tokens: list[int], depth: int, shorter_than: int) -> int:
    """Append a node's tokens and return its value; of an expression that is too long already, any."""
    if depth >= MOST_DEPTH or chance() > OPERATOR_P:
        digit = int(chance() * 10)
        tokens.append(digit)
        return digit
    operator = int(chance() * len(OPERATORS))
    tokens.append(FIRST_OPERATOR + operator)
    n = 2 + int(chance() * (MOST_ARGUMENTS - 1))
    values = []
    for _ in range(n):
        if len(tokens) >= shorter_than:
            return 0
        values.append(_grow(chance, tokens, depth + 1, shorter_than))
    tokens.append(CLOSES)
    return applied(operator, values)


def applied(operator: int, values: list[int]) -> int:
    """Value of an operator, by its place in OPERATORS, of digits; of a median between two, what is before its comma."""
    if operator < 2:
        return (min, max)[operator](values)
    if operator == 3:
        return sum(values) % 10
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) // 2


def _unlike(blocks: Iterator[Block], arguments: tuple) -> Iterator[Block]:
    """Blocks without an expression that was there before: another one is drawn in its place."""
    seed, _, longer_than, shorter_than = arguments
    seen: set[bytes] = set()
    for number, block in enumerate(blocks):
        length, token = block.towers[0]["length"], block.towers[0]["token"]
        parts = np.split(token, np.cumsum(length)[:-1])
        label = np.asarray(block.label).copy()
        for at in range(len(parts)):
            redrawn = np.random.default_rng([seed, number, at])
            for _ in range(1000):
                if _mark(parts[at]) not in seen:
                    break
                tokens, label[at] = expression(redrawn, longer_than, shorter_than)
                parts[at] = np.array(tokens, "u1")
            else:
                raise InputError(f"tokens: fewer than {shorter_than} leaves too few expressions; allow longer ones")
            seen.add(_mark(parts[at]))
        length = np.array([len(part) for part in parts])
        yield Block(label, block.split, [{"length": length, "token": np.concatenate(parts)}])


def _mark(token: np.ndarray) -> bytes:
    """What stands for an expression among those that were there: shorter, and no two share it."""
    return hashlib.blake2b(token.tobytes(), digest_size=16).digest()
