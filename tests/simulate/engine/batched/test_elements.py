"""Elements of arrays that an index names: what is read and put is what a loop over a list does."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from apical.simulate.engine.batched import elements
from apical.simulate.engine.batched import expression as x
from apical.simulate.engine.batched.derivative import derivative
from apical.simulate.engine.batched.lowering import Tables, lower

SIZE, NAME = 20, "made.a"
BEFORE = [x.symbol(f"{NAME}[{number}]") for number in range(SIZE)]
FIRST, J, K, NEW, OTHER, ON = (x.symbol(name) for name in ("i", "j", "k", "new", "other", "on"))
AT = {f"{NAME}[{number}]": 100.0 + number for number in range(SIZE)} | {"new": 1.0, "other": 2.0}
TRIED = [(*where, on) for where in product((0, 7, 19), (7, 19, 20), (-1, 0, 7, 19)) for on in (0.0, 1.0)]


def after_putting() -> list[x.Expression]:
    """NEW at i; then, where `on`, OTHER at j."""
    first = [elements.put(FIRST, number, NEW, each) for number, each in enumerate(BEFORE)]
    second = [elements.put(J, number, OTHER, each) for number, each in enumerate(first)]
    return [x.select(ON, then, otherwise) for then, otherwise in zip(second, first, strict=True)]


def by_hand(i: int, j: int, on: float) -> list[float]:
    found = [100.0 + number for number in range(SIZE)]
    found[i] = 1.0
    if on and j < SIZE:
        found[j] = 2.0
    return found


@pytest.mark.parametrize(("i", "j", "k", "on"), TRIED)
def test_what_is_read_after_putting(i, j, k, on):
    (found,) = x.evaluate([elements.read(K, after_putting())], AT | {"i": i, "j": j, "k": k, "on": on})
    expected = by_hand(i, j, on)
    np.testing.assert_equal(float(found), expected[k] if k in range(SIZE) else np.nan)


@pytest.mark.parametrize(("i", "j", "k", "on"), TRIED[::4])
def test_what_is_stored_is_what_each_element_becomes(i, j, k, on):
    names = [each.name for each in BEFORE]
    alone, found = elements.stores(dict(zip(names, after_putting(), strict=True)), {NAME: SIZE})
    assert not alone and 2 <= len(found) <= 3
    left = [AT[name] for name in names]
    for store in found:
        at, value = x.evaluate([store.at, store.value], AT | {"i": i, "j": j, "on": on})
        if 0 <= at < SIZE:
            left[int(at)] = float(value)
    assert left == by_hand(i, j, on)


def test_what_is_done_to_all_elements_is_no_store():
    values = {each.name: elements.put(FIRST, number, NEW, each * 0.5) for number, each in enumerate(BEFORE)}
    assert elements.stores(values, {NAME: SIZE}) == (values, [])
    assert elements.stores({NAME + "[0]": elements.put(FIRST, 0, NEW, BEFORE[0])}, {NAME: SIZE})[1] == []


def test_an_element_is_found_in_its_rows_and_others_one_after_another():
    mixed = [BEFORE[0] + 1, *BEFORE[1:]]
    reads = [elements.read(K, of) for of in (BEFORE, mixed, [x.constant(number) for number in range(SIZE)])]
    lowered = lower([*reads, elements.put(K, 3, NEW, OTHER)], {"never": np.zeros(1)}, Tables(), {})
    rows, chosen, table, put = lowered.outputs
    assert rows is x.call("element", K, x.array(NAME, SIZE))
    assert not any(node.op in ("element", "put") for node in x.walk([chosen, table, put]))
    assert table.op == "lookup"
    for k in (0.0, 3.0, 19.0):
        assert x.evaluate([chosen, put], AT | {"k": k}) == x.evaluate(
            [reads[1], elements.put(K, 3, NEW, OTHER)], AT | {"k": k}
        )


def test_slopes_of_elements_and_of_what_is_left():
    squares = [each * each for each in BEFORE]
    (slope,) = x.evaluate([derivative(elements.read(K, squares), NAME + "[7]")], AT | {"k": 7.0})
    assert slope == 2 * AT[NAME + "[7]"]
    left = x.call("fmod", NEW * 7.5, OTHER)
    slopes = x.evaluate([derivative(left, "new"), derivative(left, "other")], {"new": 1.0, "other": 2.0})
    assert slopes == [7.5, -3.0]  # 7.5 is three times 2 and 1.5
