"""`apical validate`: a cell against published physiology and against the theory of its integration.

Runs in a process of its own, because NEURON's state is global.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import schema
from ..cell import biophysics, compiling, morphologies
from ..cell.biophysics import Biophysics
from ..cell.models import taken
from ..cell.morphologies import Morphology
from ..cell.reading import reconstruction
from ..engine.interface import Integration, Unstable
from ..engine.run import fastest
from ..mechanisms import library
from ..names import nearest
from ..processes import check_guarded, uninterrupted
from ..schema import InputError
from . import numerics, physiology, replay, subthreshold
from .checks import Check, Findings, Reference, Verdict, check, outcome, verdicts
from .protocols import protocols, respond, step_current
from .specimen import Specimen

__all__ = ["SECTIONS", "Validation", "protocols", "respond", "step_current", "validate"]

RUNAWAY_MV = 200.0  # no ion's reversal potential is further from 0


class Section(NamedTuple):
    """A part of the validation. seconds: about what it takes of one core, whole and quick; 0 is left out."""

    run: Callable[[Specimen], Findings]
    seconds: float
    quick_seconds: float
    runs: int
    quick_runs: int


SECTIONS = {
    "dendrites": Section(physiology.dendrites, 5, 5, 4, 4),
    "steps": Section(physiology.steps, 19, 0, 3, 0),
    "f-I": Section(physiology.f_i, 21, 9, 9, 4),
    "rest": Section(subthreshold.rest, 9, 9, 2, 2),
    "attenuation": Section(subthreshold.attenuation, 6, 3, 9, 4),
    "convergence": Section(numerics.convergence, 4, 2, 9, 7),
    "engines": Section(numerics.engines, 4, 4, 2, 2),
    "replay": Section(replay.seeded, 24, 0, 2, 0),  # last: its synapses stay on the cell
}


@dataclass(frozen=True)
class Validation:
    """What `validate` found.

    checks: every quantity, expected and measured; curves: what is drawn as points, plain numbers;
    traces: name -> site -> (n,) voltages in mV and `time_ms`; remarks: what was left out, and why.
    """

    morphology: str
    biophysics: str
    licence: str
    integration: dict
    checks: list[Check]
    curves: dict
    remarks: list[str]
    seconds: float
    made_with: dict
    traces: dict[str, dict[str, np.ndarray]] = field(repr=False)

    @property
    def failed(self) -> list[Check]:
        return [each for each in self.checks if each.passed is False]

    @property
    def verdicts(self) -> list[Verdict]:
        """One of each protocol."""
        return verdicts(self.checks)

    def plain(self) -> dict:
        """Everything but the traces, fit for JSON."""
        parts = {name: value for name, value in vars(self).items() if name != "traces"}
        told = {"verdicts": [each.model_dump() for each in self.verdicts], "outcome": outcome(self.verdicts)}
        checks = [each.model_dump() | {"result": each.result} for each in self.checks]
        judged = any(each.judged for each in self.verdicts)
        return parts | {"passed": not self.failed if judged else None} | told | {"checks": checks}


def validate(
    morphology: str = morphologies.DEFAULT,
    parameters: str | None = None,
    integration: Integration | None = None,
    *,
    mechanisms: str | None = None,
    quick: bool = False,
    only: Sequence[str] = (),
    neuronio: Path | None = None,
    busy: library.Busy = library.announce,
    report: Callable[[int, int, str], None] | None = None,
) -> Validation:
    """Check a cell against published physiology and the theory of its integration.

    morphology: catalogue name, or path of an .asc or .swc file. parameters: name of a set, or path of a .toml or .json
    file; None for the morphology's own.
    integration: engine and step; None for those of `simulate`. mechanisms: a folder of NMODL, in place of the one that
    the set names.
    quick: leave out the 2 s steps and the replay, and take fewer points elsewhere. only: names of sections to run.
    neuronio: a NeuronIO pickle whose trials are replayed too.
    busy: shows a message while mechanisms compile. report: called with (done, all, section) after every run.
    Raises InputError for a cell that cannot be built or a name that is not known.
    """
    for name in only:
        nearest("section", name, SECTIONS)
    if neuronio is not None and not neuronio.is_file():
        raise InputError(f"{neuronio}: no such file; --replay takes a NeuronIO pickle")
    if taken.is_taken(morphology) and parameters not in (None, taken.OWN):
        raise InputError(
            f"biophysics {parameters}: {morphology} is a whole cell, with all that stands in it; leave it out"
        )
    named = parameters or morphologies.own_biophysics(morphology)
    described = biophysics.of_cell(morphology, named, mechanisms)
    integration = integration or Integration()
    if integration.engine == "auto":
        integration = fastest(integration, described.mechanisms(), trials=1, own=described.nmodl)
    task = _Task(
        morphologies.resolve(morphology),
        described,
        integration,
        quick,
        tuple(only),
        neuronio,
    )
    compiling.compiled(task.biophysics, _compiled_for(task), busy)
    context = get_context("spawn")
    here, there = context.Pipe()
    began = time.monotonic()
    worker = context.Process(target=_work, args=(task, there))
    try:
        with uninterrupted():
            worker.start()
        there.close()
        while True:
            message = here.recv()
            if isinstance(message, BaseException):
                raise message
            if isinstance(message, Findings):
                break
            if report:
                report(*message)
    except EOFError as error:
        worker.join()
        check_guarded(worker.exitcode)
        raise InputError(f"cell {task.morphology.name}: the worker process died (out of memory?)") from error
    finally:
        if worker.pid is not None:
            worker.kill()
            worker.join()
    return Validation(
        morphology=task.morphology.name,
        biophysics=task.biophysics.name,
        licence=task.morphology.licence,
        integration=task.integration.model_dump(),
        checks=message.checks,
        curves=message.curves,
        remarks=message.remarks,
        seconds=time.monotonic() - began,
        made_with=schema.made_with("neuron", "efel", "numpy"),
        traces=message.traces,
    )


class _Task(NamedTuple):
    morphology: Morphology
    biophysics: Biophysics
    integration: Integration
    quick: bool
    only: tuple[str, ...]
    neuronio: Path | None

    def sections(self) -> dict[str, tuple[Callable[[Specimen], Findings], float, int]]:
        """Name -> function, seconds that it takes, and runs that it makes."""
        chosen = {
            name: (s.run, s.quick_seconds if self.quick else s.seconds, s.quick_runs if self.quick else s.runs)
            for name, s in SECTIONS.items()
            if name in self.only or not self.only
        }
        return {name: each for name, each in chosen.items() if each[1]}


def _compiled_for(task: _Task) -> str:
    """The engine that the cell's mechanisms are compiled for: CoreNEURON is compared with, where it can run them."""
    return task.integration.engine if compiling.coreneuron_refusal(task.biophysics.nmodl) else "coreneuron"


def _work(task: _Task, pipe: Connection) -> None:
    try:
        pipe.send(_findings(task, lambda *progress: pipe.send(progress)))
    except Unstable as error:
        of = f"cell {task.morphology.name} with parameter set '{task.biophysics.name}'"
        pipe.send(InputError(f"{of}: {error}; take a smaller step, or look at its densities"))
    except Exception as error:  # raised again by the process that waits
        pipe.send(error)


def _findings(task: _Task, report: Callable[[int, int, str], None]) -> Findings:
    from ..cell.models.rebuilt import build

    compiling.load(task.biophysics, _compiled_for(task))
    published = "" if task.biophysics.nmodl else task.biophysics.name  # with other channels it is another model
    reference = Reference(task.morphology.name, published)
    specimen = Specimen(
        build(task.morphology, task.biophysics, task.integration.fused and task.integration.engine != "batched"),
        task.integration,
        reference,
        task.quick,
    )
    whole = Findings(remarks=reconstruction.remarks(task.morphology.path, task.biophysics.types))
    sections = task.sections()
    total, begun = sum(seconds for _, seconds, _ in sections.values()), 0.0
    for name, (run, seconds, runs) in sections.items():
        specimen.after_run = _meter(report, name, begun, seconds, runs, round(total))
        _add(whole, run(specimen))
        begun += seconds
    if task.neuronio is not None:
        neuronio = task.neuronio.name
        specimen.after_run = lambda: report(round(total), round(total), neuronio)
        _add(whole, replay.published(specimen, task.neuronio))
    whole.checks.append(
        check("voltage", "largest |V|", "mV", specimen.largest_mv, 0.0, RUNAWAY_MV, "theory", "no NaN, no runaway")
    )
    for each in whole.checks:
        beside = reference.beside(each.group, each.name, each.unit, np.nan if each.measured is None else each.measured)
        if each.basis == "golden" and beside.beyond_experiments:
            whole.remarks.append(f"beyond 2 SD of experiments ({beside.source}): {beside}")
    return whole


def _meter(
    report: Callable[[int, int, str], None], name: str, begun: float, seconds: float, runs: int, total: int
) -> Callable[[], None]:
    """What a section calls after each of its runs, to tell how far it has come."""
    ended = count(1)
    return lambda: report(round(begun + min(next(ended) / runs, 1) * seconds), total, name)


def _add(whole: Findings, part: Findings) -> None:
    whole.checks += part.checks
    whole.curves |= part.curves
    whole.traces |= part.traces
    whole.remarks += part.remarks
