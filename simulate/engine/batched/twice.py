"""A BREAKPOINT that NEURON runs twice in a step, at the voltage and 0.001 mV beside it, for dI/dv.

What it only sets comes out the same; what it counts, or uses before it sets it, does not, and dI/dv is then none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from . import expression as x
from .currents import Values
from .expression import Expression
from .membrane import Group

TRIED_MV = (None, -80.0, -40.0, 0.0, 30.0)  # None: the first voltage
CLOSE = 1e-9  # relative


def refuse_counting(
    group: Group, kept: set[str], after: Values, outputs: Sequence[Expression], numbers: Mapping[str, np.ndarray], dt_ms
) -> None:
    """Refuse a BREAKPOINT that makes something else of what it has just set.

    kept: what stays from step to step. after: what BREAKPOINTs set. outputs: what they compute, in terms of what was
    before them. Tried out, for some steps from where INITIAL leaves off.
    """
    names = sorted(kept & after.keys())
    now = dict(numbers)
    for step, v_mv in enumerate(TRIED_MV if names else ()):
        now |= {"t": np.full_like(now["t"], (step + 0.5) * dt_ms)}
        now |= {} if v_mv is None else {"v": np.full_like(now["v"], v_mv)}
        first = _run(names, after, outputs, now)
        again = _run(names, after, outputs, now | dict(zip(names, first, strict=False)))
        for name, once, twice in zip([*names, *([""] * len(outputs))], first, again, strict=True):
            if not np.allclose(once, twice, rtol=CLOSE, atol=0, equal_nan=True):
                found = next(each for each in group.mechanisms if (name or names[0]).startswith(f"{each.name}."))
                short = (name or names[0]).removeprefix(f"{found.name}.").partition("[")[0]
                what = f"a BREAKPOINT that sets {short} from what it was, which NEURON does twice in a step,"
                raise found.refuse(what, rf"\bBREAKPOINT\b[\s\S]*?\b({short})\s*(?:\[[^]]*\]\s*)?=(?!=)")
        now |= dict(zip(names, first, strict=False))


def _run(
    names: list[str], after: Values, outputs: Sequence[Expression], now: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    found = x.evaluate([*(after[name] for name in names), *outputs], now)
    return [np.broadcast_to(np.asarray(each, float), len(now["t"])) for each in found]
