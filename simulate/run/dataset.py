"""Trials to one Zarr store: spread over workers, each of which writes its own trials; resumable, extensible."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..cell import compiling, morphologies
from ..cell.reading import reconstruction
from ..config import Simulation
from ..cores import available_cores as available_cores
from ..engine.batched import support
from ..engine.interface import Together
from ..mechanisms import library
from ..names import counted
from ..schema import InputError, notebook, recover
from . import engine_choice, preparation, store
from .dask_cluster import connected
from .spread import Place, Progress, SoFar, found_from_anywhere, run, trials_together
from .worker import describe, everything

MOST_TRIALS = 10_000_000  # a trial is several files


def side_by_side_in_words(together: Together, n: int) -> str:
    """How `n` trials are split, where not all of them run in one go.

    >>> side_by_side_in_words(Together(5, "more would not fit into the memory"), 12)
    '5 trials side by side, more would not fit into the memory, so 3 batches'
    """
    told = f"{counted(min(together.trials, n), 'trial')} side by side"
    if together.limit and n > together.trials:
        return f"{told}, {together.limit}, so {-(-n // together.trials)} batches"
    return told


def simulate(
    config: Simulation,
    out: str | Path,
    trials: int | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    device: str = "auto",
    resume: bool = False,
    append: bool = False,
    overwrite: bool = False,
    busy: library.Busy = library.announce,
    report: Callable[[Progress], None] | None = None,
    so_far: SoFar | None = None,
    dashboard: Callable[[str], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Path:
    """Simulate `trials` trials of `config` and write them to the Zarr store `out`.

    config: what is simulated, such as a preset. out: path of the store, which is returned. trials: how many.
    workers: processes on this machine, one cell each. scheduler: address (or scheduler file) of a Dask cluster that
    takes their place; its nodes must see `out` and the morphology under the same paths.
    device: where engine 'batched' runs: 'cpu'; 'cuda', with which one process drives every GPU of this machine;
    'cuda:N', which is one of them; or 'auto', which is 'cuda' where there is any.
    resume: run only what is missing from the store that is there; `trials` may then be left out.
    append: add the trials to the store that is there, numbered on from its last. overwrite: replace what is there.
    busy: shows a message during a wait. report: called after each trial. so_far: called with how many are done, about
    once a second while they are integrated side by side. In a notebook, a bar shows them where neither is given.
    dashboard: called with Dask's address. note: called with how the morphology is understood where it could be
    taken otherwise, and with what engine 'batched' does: where, and how many trials side by side.
    Raises InputError for a configuration that cannot be run, an `out` that cannot be used, or a run cut short.
    """
    out = Path(out)
    if (trials is None and not resume) or (trials is not None and trials < 1) or workers < 1:
        raise InputError(f"trials and workers must be at least 1, got {trials} and {workers}")
    if max(trials or 0, workers) > MOST_TRIALS:
        raise InputError(f"trials and workers: expected {MOST_TRIALS:,} at most; one store holds no more")
    if resume + append + overwrite > 1:
        raise InputError("only one of --resume, --append and --overwrite can be given")
    recover(out)
    if out.exists() and not (resume or append or overwrite):
        raise InputError(f"{out}: exists already; give --resume to finish it, --append to add to it, or --overwrite")
    if append and not out.exists():
        raise InputError(f"{out}: no such dataset to append to; without --append it is made")
    store.check_writable(out)
    goes_on, asked = out.exists() and not overwrite, config.integration.engine
    if goes_on and (out / "zarr.json").is_file():
        config = preparation.with_engine_of(out, config)
    config, device = engine_choice.resolved(config, device, (trials or 1) / workers)
    morphology = morphologies.resolve(config.morphology) if config.lif is None else None
    if note and morphology:
        for remark in reconstruction.remarks(morphology.path, config.parameter_set().types):
            note(remark)
    config.dataset_id(morphology)  # what cannot be read is said before anything starts
    if scheduler is None and config.lif is None:
        compiling.compiled(config.parameter_set(), config.integration.engine, busy)  # else each node compiles its own
    with ExitStack() as stack:
        if out.exists():
            stack.enter_context(store.held(out))
        todo: list[int] = []
        if goes_on:
            todo = preparation.unfinished(out, config, morphology, trials if resume else None, busy)
            if append and todo:
                raise InputError(f"{out}: {len(todo)} of its trials are not there yet; finish them with --resume first")
            if resume and not todo:
                return out
            for how, _ in preparation.integrations(out, todo):
                if asked not in ("auto", how.engine):
                    raise InputError(f"{out}: was begun with engine '{how.engine}', not '{asked}'; resume it with that")
        elif trials is None:
            raise InputError(f"{out}: no such dataset to resume; give --trials to make it")
        client = stack.enter_context(connected(min(workers, len(todo) or trials or 1), scheduler, busy, device))
        sent = found_from_anywhere(config)
        layout = client.submit(describe, sent, device, pure=False).result() if append or not goes_on else None
        if layout and trials:  # what is refused is refused before a time step is compiled
            layout.check(trials)
        together = trials_together(client, sent, device, busy)
        if note and config.integration.engine == "batched":
            for remark in support.remarks(config.parameter_set().nmodl) if config.lif is None else ():
                note(remark)
            note(f"engine batched on {device}: {side_by_side_in_words(together, len(todo) or trials or 1)}")
        if layout and trials:
            if append:
                todo = preparation.append(out, config, morphology, trials, layout)
            else:
                preparation.create(out, config, morphology, trials, layout, device)
                stack.enter_context(store.held(out))
                todo = list(range(trials))
        if dashboard:
            dashboard(client.dashboard_link)
        numbers, seeds = (each.tolist() for each in store.labels(out))
        if report is None and so_far is None and notebook.in_notebook():
            so_far = notebook.Bar("Simulating")
            so_far(len(numbers) - len(todo), len(numbers))
        later = len(todo)
        for how, positions in preparation.integrations(out, todo):
            later -= len(positions)
            part = sent.model_copy(update={"integration": how})
            n_together = (together if how == sent.integration else trials_together(client, part, device, busy)).trials
            places = [Place(at, numbers[at], seeds[at]) for at in positions]
            run(client, out, part, places, len(numbers) - later, report, everything, n_together, device, so_far)
    return out
