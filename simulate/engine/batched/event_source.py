"""The generated functions of events: those that arrive at a place, and those that a place has sent to itself."""

from __future__ import annotations

from collections.abc import Sequence

from . import elements
from . import expression as x
from .currents import Values
from .evaluation import Sent
from .expression import Expression
from .lowering import lower
from .place_source import PlaceSource, indented
from .program import NEVER, waiting_name
from .statements import literal, plain

ARGUMENTS = "const Tile& t, int lane, int i"


class EventSource(PlaceSource):
    """Writes what events do; see PlaceSource."""

    def receive(self, kind: int) -> list[str]:
        """The case of an event; `kind` is the group's number."""
        program = self._program
        if not program.received and not program.waiting:
            return []
        lines = [f"{self._own_events}(t, lane, i, t.event_ms, false);  // those that come before it"] * program.waiting
        lines += self._after_event(program.received, program.sent, ["const real t_ms = t.event_ms;"])
        return [f"case {kind}: {{  // {self.name}", *indented([*lines, "break;"]), "}"]

    def own_events(self) -> list[str]:
        """What a place's own events do that come until a time, in order."""
        program = self._program
        if not program.waiting:
            return []
        first, flag, weight, apart = self._waiting()
        read = [
            f"const real t_ms = AT({first}, lane), flag = AT({flag}, lane), weight = AT({weight}, lane);",
            f"next_own_event(t, lane, {first}, {flag}, {weight}, {apart});",
        ]
        body = [*read, *self._after_event(program.own, program.of_own, [])]
        return [
            f"FUNCTION void {self._own_events}({ARGUMENTS}, real until_ms, bool then_too) {{",
            *indented(
                [
                    self._at,
                    f"while (AT({first}, lane) < until_ms || (then_too && AT({first}, lane) == until_ms)) {{",
                    *indented([line for line in body if line != self._at]),
                    "}",
                ]
            ),
            "}",
            "",
        ]

    def all_own_events(self) -> list[str]:
        """What has all places of the group do what is due by the middle of the step, as NEURON has it."""
        if not self._program.waiting:
            return []
        until = f"time_ms + {literal(self._dt_ms / 2, self._real)}"
        return [
            f"EACH(i, {self._n}, {self._before}) {{",
            f"    EACH_LANE {self._own_events}(t, lane, i, {until}, true);",
            "}",
        ]

    @property
    def _own_events(self) -> str:
        return f"own_events_{self.name}"

    def _waiting(self) -> tuple[str, str, str, int]:
        """Where, from a place's first row, the events of its own begin, and how far apart their rows are."""
        when, flag, weight = (self._row[waiting_name(self._program.group, w, 0)] for w in ("when", "flag", "weight"))
        apart = self._row[waiting_name(self._program.group, "when", 1)] - when
        return f"at + {when}", f"at + {flag}", f"at + {weight}", apart

    def _after_event(self, values: Values, sent: Sequence[Sent], time: list[str]) -> list[str]:
        """What an event leaves and sends. time: what says when it is."""
        values, stores = elements.stores(values, self._sizes)
        put = [each for store in stores for each in (store.at, store.value)]
        outputs = [*values.values(), *put, *(each for event in sent for each in _as_numbers(event))]
        lowered = lower(outputs, self._program.constants, self._tables, {})
        texts, statements = self._writer(lowered, "real").block(lowered.outputs, name_all=True)
        used = x.symbols(lowered.outputs)
        lines = [self._at]
        if "t" in used:
            lines += time
        if "v" in used:
            lines.append(f"const real v = AT(OF_NODE(t.indices[{self._node} + i], 0), lane);")
        lines += self._numbers(lowered.tables, used)
        lines += [f"const real {plain(n)} = AT(at + {row}, lane);" for n, row in self._row.items() if n in used]
        lines += statements
        lines += [f"AT(at + {self._row[n]}, lane) = {value};" for n, value in zip(values, texts, strict=False)]
        rest = iter(texts[len(values) :])
        for store, index, value in zip(stores, rest, rest, strict=False):
            lines.append(f"put(t, lane, {self._rows(store.array)}, {self._sizes[store.array]}, {index}, {value});")
        return lines + [self._send(when, flag) for when, flag in zip(rest, rest, strict=True)]

    def _send(self, when: str, flag: str) -> str:
        first, of_flag, weight, apart = self._waiting()
        node = f"t.indices[{self._node} + i]"
        return f"send(t, lane, {node}, {first}, {of_flag}, {weight}, {apart}, {when}, {flag}, weight);"


def _as_numbers(sent: Sent) -> tuple[Expression, Expression]:
    """When it comes, never if it is not sent; and its flag."""
    when = x.symbol("t") + sent.delay_ms
    return x.select(sent.condition, when, x.constant(NEVER)), sent.flag
