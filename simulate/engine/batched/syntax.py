"""A mechanism as its NMODL declares it: names, ions and blocks, from the syntax tree that NEURON's parser makes.

What the generated code cannot say is refused here, by construct, file and line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cache

from ...mechanisms import linearity, nmodl, random_streams, translators
from ...mechanisms.nmodl import line_of, without_comments
from ...mechanisms.tree import Tree, everything, kind, named, parts
from ...schema import InputError
from ...schema.input_error import one_line
from . import unit_constants, verbatim

# Kind of node -> how an error calls it, and where it stands in the text
REFUSED = {
    "NonLinearBlock": ("NONLINEAR", r"\bNONLINEAR\b"),
    "DiscreteBlock": ("DISCRETE", r"\bDISCRETE\b"),
    "BeforeBlock": ("BEFORE", r"\bBEFORE\b"),
    "AfterBlock": ("AFTER", r"\bAFTER\b"),
    "ConstructorBlock": ("CONSTRUCTOR", r"\bCONSTRUCTOR\b"),
    "DestructorBlock": ("DESTRUCTOR", r"\bDESTRUCTOR\b"),
    "External": ("EXTERNAL", r"\bEXTERNAL\b"),
    "LonDiffuse": ("LONGITUDINAL_DIFFUSION", r"\bLONGITUDINAL_DIFFUSION\b"),
    "Include": ("INCLUDE", r"\bINCLUDE\b"),
    "WatchStatement": ("WATCH", r"\bWATCH\b"),
    "ForNetcon": ("FOR_NETCONS", r"\bFOR_NETCONS\b"),
    "LagStatement": ("LAG", r"\bLAG\b"),
    "ProtectStatement": ("PROTECT", r"\bPROTECT\b"),
}
METHODS = ("cnexp", "derivimplicit", "euler", "sparse", "")
IDLE = {"printf", "net_event"}  # prints; tells cells of a network
NUMBERS = ("Integer", "Double", "Float")
# Of a state, its number after START
START = r"\bSTATE\s*\{{[^}}]*\b{name}\b\s*(?:\[\s*\w+\s*\])?(?:\s*FROM\s+\S+\s+TO\s+\S+)?\s+START\s+([-+.\deE]+)"


@dataclass(frozen=True)
class Ion:
    """An ion that a mechanism uses: which of its variables it reads and writes."""

    name: str
    read: tuple[str, ...]
    write: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A TABLE statement: the variables that it keeps, none for a FUNCTION's value; its ends, and intervals."""

    names: tuple[str, ...]
    first: Tree
    last: Tree
    intervals: Tree


@dataclass(frozen=True)
class Routine:
    """A block that is called: its arguments and statements, and the TABLE that it is looked up in."""

    arguments: tuple[str, ...]
    body: Tree
    table: Table | None = None


@dataclass
class Mechanism:
    """What the NMODL of a mechanism declares.

    shared: GLOBAL, and LOCAL outside of blocks. pointers: see pointing.py. parameters: name -> default; constants:
    those that nobody can change. currents: nonspecific, electrode: injected.
    sizes: array -> number of its elements, each a variable of its own, `name[0]` and so on. starts: state, or array of
    them, -> its START. solved: block -> method of each SOLVE ('' for none). blocks: BREAKPOINT, INITIAL, NET_RECEIVE;
    derivatives, kinetics, linear, routines: by name. remarks: what was passed over. unsaid: symbol of a number that
    cannot be said -> what it is, and where in the text. changing: variables, by name without index, that a block other
    than INITIAL sets. streams: of random numbers, one for each place. function_tables: functions of others' numbers.
    file, text: where it stands.
    """

    file: str
    text: str
    name: str = ""
    point: bool = False
    ions: list[Ion] = field(default_factory=list)
    ranges: set[str] = field(default_factory=set)
    pointers: set[str] = field(default_factory=set)
    currents: list[str] = field(default_factory=list)
    electrode: list[str] = field(default_factory=list)
    parameters: dict[str, float] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    assigned: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    solved: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, Routine] = field(default_factory=dict)
    derivatives: dict[str, Routine] = field(default_factory=dict)
    kinetics: dict[str, Routine] = field(default_factory=dict)
    linear: dict[str, Routine] = field(default_factory=dict)
    routines: dict[str, Routine] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    unsaid: dict[str, tuple[str, str]] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    streams: random_streams.Streams | None = None
    function_tables: list[str] = field(default_factory=list)

    def refuse(self, what: str, pattern: str, which: int = 0) -> InputError:
        """The error that says that `what` is not supported, with its line and the engines that take the file."""
        line = self.line(pattern, which)
        advice = translators.advice(self.text)
        return InputError(f"{self.file}, line {line}: {what} is not supported by engine 'batched'; {advice}")

    def line(self, pattern: str, which: int = 0) -> int:
        """The line where `pattern`, or a group of it, stands; `which`: of several places, from 0."""
        return line_of(self.text, pattern, which)

    @property
    def ion_variables(self) -> dict[str, str]:
        """Each variable of an ion that it reads or writes -> the ion."""
        return {name: ion.name for ion in self.ions for name in (*ion.read, *ion.write)}

    @property
    def own_currents(self) -> set[str]:
        """Currents of ions that it writes and does not read: in it they are its own, not the sum of all."""
        return {f"i{ion.name}" for ion in self.ions if f"i{ion.name}" in {*ion.write} - {*ion.read}}


@cache
def parse(text: str, file: str) -> Mechanism:
    """The mechanism that `text`, the content of `file`, describes; the same object each time.

    Raises InputError, with file and line, for text that is no NMODL, or uses what the generated code cannot say.
    """
    from neuron import nmodl

    try:
        program = json.loads(nmodl.to_json(nmodl.NmodlDriver().parse_string(text), True))["Program"]
    except RuntimeError as error:
        if "can not open file" in str(error):
            raise Mechanism(file, text).refuse(*REFUSED["Include"]) from error
        where = re.search(r"Location : (\d+)", str(error))
        line = f", line {where[1]}" if where else ""
        said = one_line(error).partition("[Location")[0].removeprefix("NMODL Parser Error :").strip()
        advice = translators.advice(text)
        raise InputError(f"{file}{line}: the NMODL parser cannot read it ({said}); {advice}") from error
    mechanism = Mechanism(file, text)
    for node in everything(program):
        if kind(node) in REFUSED:
            raise mechanism.refuse(*REFUSED[kind(node)])
        if kind(node) == "StatementBlock" and {"name": "MutexLock"} in parts(node):
            raise mechanism.refuse("MUTEXLOCK", r"\bMUTEXLOCK\b")
        if kind(node) == "FunctionCall" and named(node) in IDLE and not mechanism.remarks:
            at = mechanism.line(rf"\b{named(node)}\s*\(")
            mechanism.remarks.append(f"{file}, line {at}: {named(node)} is passed over")
        if kind(node) == "PrimeName" and named(parts(node)[1]) != "1":
            raise mechanism.refuse("a second derivative", r"\w+\s*''")
    for block in program:
        _read(mechanism, block)
        if kind(block) != "InitialBlock":
            mechanism.changing |= _set_by(block)
    if not mechanism.name:
        raise InputError(f"{file}: has no NEURON block with a SUFFIX or POINT_PROCESS, so it is no mechanism")
    for ion in mechanism.ions if mechanism.point else ():
        for how, names in (("READ", {*ion.read} & {f"i{ion.name}"}), ("WRITE", {*ion.write} - {f"i{ion.name}"})):
            for name in sorted(names):
                what = f"{how} {name} in a point process"
                raise mechanism.refuse(what, rf"\bUSEION\s+{ion.name}\b[^\n]*\b{how}\b[^\n]*\b({name})\b")
    mechanism.streams = random_streams.of(text) if mechanism.point else None
    picks = mechanism.streams.picks if mechanism.streams else ()
    for number, does_nothing in enumerate(verbatim.found(program, picks)):
        if not does_nothing:
            raise mechanism.refuse("VERBATIM", r"\bVERBATIM\b", number)
        at = mechanism.line(r"\bVERBATIM\b", number)
        mechanism.remarks.append(f"{file}, line {at}: a VERBATIM that does nothing is passed over")
    for block, method in mechanism.solved.items():
        if method not in METHODS:
            raise mechanism.refuse(f"METHOD {method}", rf"\bMETHOD\s+{method}\b")
        if (method == "sparse") != (block in mechanism.kinetics):
            raise mechanism.refuse(f"SOLVE {block} METHOD {method}", rf"\bSOLVE\s+{block}\b")
        if not method and block in mechanism.derivatives:
            raise mechanism.refuse("SOLVE of a DERIVATIVE without METHOD", rf"\bSOLVE\s+{block}\b")
        if method == "cnexp" and block in mechanism.derivatives:
            mechanism.solved[block], wrong = linearity.method(mechanism.derivatives[block].body)
            if wrong:
                at = mechanism.line(rf"\b{wrong}\s*'")
                raise InputError(f"{file}, line {at}: {linearity.WRONG.format(state=wrong)}")
    return mechanism


def _set_by(block: Tree) -> set[str]:
    """What the statements of a block set, by name."""
    return {
        named(parts(node)[0])
        for node in everything([block])
        if kind(node) == "BinaryExpression" and named(parts(node)[1]) == "="
    }


def _routine(block: Tree) -> Routine:
    body = next(part for part in parts(block) if kind(part) == "StatementBlock")
    if kind(block) in verbatim.LEFT_EARLY:
        body = verbatim.without_returns(body)
    return Routine(tuple(named(part) for part in parts(block) if kind(part) == "Argument"), body)


def _table(mechanism: Mechanism, block: Tree) -> Table | None:
    """The TABLE of a routine. The tree does not tell what it keeps from what it DEPENDs on."""
    found = next((each for each in everything([block]) if kind(each) == "TableStatement"), None)
    if found is None:
        return None
    if sum(kind(part) == "Argument" for part in parts(block)) != 1:
        raise mechanism.refuse("a TABLE of other than one argument", r"\b(TABLE)\b")
    written = re.search(
        rf"\b(?:FUNCTION|PROCEDURE)\s+{named(block)}\b[\s\S]*?\bTABLE\b([\s\w,]*?)\b(?:DEPEND|FROM)\b",
        without_comments(mechanism.text),
    )
    names = tuple(re.findall(r"\w+", written[1] if written else ""))
    return Table(names, *parts(found)[-3:])


def _read(mechanism: Mechanism, block: Tree) -> None:
    match kind(block):
        case "NeuronBlock":
            for statement in parts(parts(block)[0]):
                _declare(mechanism, statement)
        case "ParamBlock":
            for entry in parts(block):
                numbers = [part for part in parts(entry) if kind(part) in NUMBERS]
                value = _number(mechanism, numbers[0]) if numbers else 0.0
                mechanism.parameters |= dict.fromkeys(_elements(mechanism, entry), value)
        case "AssignedBlock" | "LocalListStatement":  # LOCAL outside of all blocks is the mechanism's own
            mechanism.assigned += [name for entry in parts(block) for name in _elements(mechanism, entry)]
            if kind(block) == "LocalListStatement":
                mechanism.shared |= set(map(named, parts(block)))
        case "StateBlock":
            mechanism.states += [name for entry in parts(block) for name in _elements(mechanism, entry)]
            for name in map(named, parts(block)):
                if start := re.search(START.format(name=name), without_comments(mechanism.text)):
                    mechanism.starts[name] = float(start[1])
        case "ConstantBlock":
            for entry in parts(block):
                variable = parts(entry)[0]
                mechanism.constants[named(variable)] = _number(mechanism, parts(variable)[1])
        case "Define":
            mechanism.constants[named(block)] = _number(mechanism, parts(block)[1])
        case "UnitBlock":
            for entry in parts(block):
                if kind(entry) == "FactorDef":
                    mechanism.constants[named(entry)] = _factor(mechanism, entry)
        case "BreakpointBlock" | "InitialBlock" | "NetReceiveBlock":
            mechanism.blocks[kind(block)] = _routine(block)
            for node in everything([block]):
                _note_solve(mechanism, kind(block), node)
        case "DerivativeBlock":
            mechanism.derivatives[named(block)] = _routine(block)
        case "KineticBlock":
            mechanism.kinetics[named(block)] = _routine(block)
        case "LinearBlock":
            mechanism.linear[named(block)] = _routine(block)
        case "FunctionTableBlock":
            if sum(kind(part) == "Argument" for part in parts(block)) != 1:
                raise mechanism.refuse("FUNCTION_TABLE of other than one argument", r"\b(FUNCTION_TABLE)\b")
            mechanism.function_tables.append(named(block))
        case "FunctionBlock" | "ProcedureBlock":
            routine = _routine(block)
            mechanism.routines[named(block)] = replace(routine, table=_table(mechanism, block))


def _elements(mechanism: Mechanism, entry: Tree) -> list[str]:
    """The variable that an entry declares, or each element of an array."""
    name = named(entry)
    if not re.search(rf"\b{name}\s*\[", without_comments(mechanism.text)):  # the tree gives a length and a START alike
        return [name]
    lengths = [node for node in everything([entry]) if kind(node) in NUMBERS]
    if not lengths:
        return [name]
    mechanism.sizes[name] = int(_number(mechanism, lengths[0]))
    return [f"{name}[{index}]" for index in range(mechanism.sizes[name])]


def _number(mechanism: Mechanism, node: Tree) -> float:
    """A number, or the name that DEFINE gives one."""
    text = named(node)
    return mechanism.constants[text] if text in mechanism.constants else float(text)


def _note_solve(mechanism: Mechanism, block: str, node: Tree) -> None:
    """Note what a SOLVE solves, which stands in BREAKPOINT and is done at every step."""
    if kind(node) == "IfStatement" and any(kind(each) == "SolveBlock" for each in everything(parts(node))):
        raise mechanism.refuse("SOLVE within IF", r"\b(?i:IF)\s*\([^{]*\{[^}]*\b(SOLVE)\b")
    if kind(node) == "SolveBlock":
        names = [named(part) for part in parts(node)]
        if block == "InitialBlock" and names[1:] in ([], ["sparse"]):  # LINEAR, or STEADYSTATE; see Solver
            return
        if block != "BreakpointBlock":
            raise mechanism.refuse("SOLVE outside of BREAKPOINT", r"\b(?:INITIAL|NET_RECEIVE)\b[^}]*\b(SOLVE)\b")
        mechanism.solved[names[0]] = names[1] if len(names) > 1 else ""


def _declare(mechanism: Mechanism, statement: Tree) -> None:
    names = [named(part) for part in parts(statement)]
    match kind(statement):
        case "Suffix":
            if names[0] == "ARTIFICIAL_CELL":
                raise mechanism.refuse("ARTIFICIAL_CELL", r"\bARTIFICIAL_CELL\b")
            mechanism.point, mechanism.name = names[0] == "POINT_PROCESS", names[1]
        case "Global":
            mechanism.shared |= set(names)
        case "Range":
            mechanism.ranges |= set(names)
        case "Nonspecific":
            mechanism.currents += names
        case "ElectrodeCurrent":
            mechanism.electrode += names
        case "Useion":
            read = tuple(named(part) for part in parts(statement) if kind(part) == "ReadIonVar")
            write = tuple(named(part) for part in parts(statement) if kind(part) == "WriteIonVar")
            mechanism.ions.append(Ion(names[0], read, write))
        case "BbcorePointer":
            for name in {*names} & {*re.findall(r"\w+", nmodl.equations(mechanism.text))}:
                raise mechanism.refuse(f"a block that follows BBCOREPOINTER {name}", r"\bBBCOREPOINTER\b")
        case "Pointer":  # see pointing.py
            mechanism.pointers |= {*nmodl.pointers(mechanism.text)}
            for name in names:
                if nmodl.sets(mechanism.text, name):
                    raise mechanism.refuse(f"a block that sets POINTER {name}", rf"\b{name}\s*=(?!=)")
            drawn = random_streams.of(mechanism.text)
            if strange := sorted({*names} - mechanism.pointers - ({drawn.pointer} if drawn else set())):
                raise mechanism.refuse(f"POINTER {strange[0]} of VERBATIM", rf"\bPOINTER\b[^\n]*\b{strange[0]}\b")


def _factor(mechanism: Mechanism, entry: Tree) -> float:
    value, *units = parts(entry)[1:]
    if kind(value) in NUMBERS:
        return _number(mechanism, value)
    found = unit_constants.number(named(value), named(units[0]))
    if found is not None:
        return found
    raise mechanism.refuse(f"the unit constant {named(entry)}", rf"\b{named(entry)}\s*=\s*\(")
