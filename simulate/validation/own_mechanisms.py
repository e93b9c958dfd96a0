"""`apical mechanisms`: which engines take each file of a folder of NMODL, and how far they are from plain NEURON.

Each file is compiled and run in a process of its own: NEURON's state is global, and some files end it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..mechanisms import library, nmodl, own
from ..mechanisms.nmodl import Source
from ..processes import Died, TooLong, apart
from ..schema import InputError
from . import one_compartment
from .one_compartment import AGREE_MV

ENGINES = ("neuron", "coreneuron", "batched")
LIMIT_S = 900.0  # of a file; half a minute is usual, most of it CoreNEURON's compiler, which has a limit of its own


@dataclass(frozen=True)
class Survey:
    """What became of one file.

    kind: SUFFIX (a density), POINT_PROCESS or ARTIFICIAL_CELL; empty, as mechanism, for no mechanism. refusals: engine
    -> why it does not take it. differences_mv: engine -> order of accuracy -> the largest difference from plain NEURON.
    remarks: what engine batched passes over; that NEURON itself is unstable with it.
    """

    file: str
    mechanism: str
    kind: str
    refusals: dict[str, str] = field(default_factory=dict)
    differences_mv: dict[str, dict[str, float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def taken_by(self) -> list[str]:
        return [engine for engine in ENGINES if self.mechanism and engine not in self.refusals]

    @property
    def fault(self) -> str:
        """Why nobody should use it as it is; empty where some engine takes it, and those that do agree, and of an
        ARTIFICIAL_CELL, which is not meant for a membrane."""
        if self.mechanism and not self.taken_by and self.kind != nmodl.ARTIFICIAL:
            return f"{self.file}: no engine takes it"
        apart_mv = {engine: max(found.values()) for engine, found in self.differences_mv.items()}
        far = [f"engine '{engine}' is {mv:.3g} mV" for engine, mv in apart_mv.items() if not mv <= AGREE_MV]
        return f"{self.file}: {', '.join(far)} from plain NEURON" if far else ""

    def plain(self) -> dict[str, Any]:
        """Fit for JSON."""
        return asdict(self) | {"taken_by": self.taken_by, "fault": self.fault}


def survey(
    folder: str | Path,
    report: Callable[[int, int, str], None] = lambda done, total, file: None,
    workers: int = 1,
    without: Sequence[str] = (),
) -> Iterator[Survey]:
    """Each .mod file of `folder`, in name order, `workers` of them tried at a time.

    report: called with (done, all, file) as each file is waited for, and at the end. without: engines not to try.
    Raises InputError for a folder without one, or where nothing can be compiled.
    """
    library.check_tools()
    files = own.files(Path(folder).expanduser())
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(_surveyed, nmodl.read(file), without) for file in files]
        try:
            for number, (file, found) in enumerate(zip(files, waiting, strict=True)):
                report(number, len(files), file.name)
                yield found.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    report(len(files), len(files), "")


def _surveyed(source: Source, without: Sequence[str] = ()) -> Survey:
    kind, name = nmodl.declared(source.text)
    if not name:
        return Survey(source.file, "", "")
    if refusal := own.refusal(source) or own.without_numbers(source):
        return Survey(source.file, name, kind, dict.fromkeys(ENGINES, refusal))
    refused = dict.fromkeys(without, "was not tried")
    suspects = [engine for engine in ("coreneuron", "batched", "neuron") if engine not in without]
    for ends in suspects:  # what a process may have died of, the likeliest first
        try:
            found = apart(_tried, name, source, tuple(refused), limit_s=LIMIT_S)
            return Survey(source.file, name, kind, found[0] | refused, *found[1:])
        except TooLong:
            refused[ends] = f"{source.file}: was stopped after {LIMIT_S:g} s"
        except Died:
            refused[ends] = f"{source.file}: ends the process that runs it"
    return Survey(source.file, name, kind, refused)


def _tried(
    name: str, source: Source, without: Sequence[str]
) -> tuple[dict[str, str], dict[str, dict[str, float]], list[str]]:
    """Refusals, differences and remarks, of the engines that are not left out."""
    from ..engine.batched import support
    from ..mechanisms import translators

    refusals: dict[str, str] = {}
    engines = [engine for engine in ENGINES if engine not in without]
    if "coreneuron" in engines:
        refusals["coreneuron"] = translators.coreneuron_refusal(source) or _not_compiled(name, source, True)
    with_coreneuron = refusals.get("coreneuron") == ""
    if not with_coreneuron and (refusal := _not_compiled(name, source, False)):
        return dict.fromkeys(ENGINES, refusal), {}, []
    if "batched" in engines:
        refusals["batched"] = str(support.refusal([name], {name: source}) or "")
    remarks = [] if refusals.get("batched", "-") else support.remarks({name: source})
    refusals = {engine: why for engine, why in refusals.items() if why}
    try:
        library.load(frozenset(), _quietly, one_compartment.own(name, source, with_coreneuron))
    except InputError as error:
        return dict.fromkeys(ENGINES, f"{source.file}: {error}"), {}, []
    differences_mv, failed, unstable = one_compartment.differences_mv(
        name, source, [engine for engine in engines[1:] if engine not in refusals]
    )
    return refusals | failed, differences_mv, remarks + unstable


def _not_compiled(name: str, source: Source, coreneuron: bool) -> str:
    try:
        library.compiled(frozenset(), _quietly, one_compartment.own(name, source, coreneuron))
    except InputError as error:
        return str(error)
    return ""


def _quietly(message: str) -> AbstractContextManager:
    return nullcontext()
