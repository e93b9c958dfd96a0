"""What `apical fit --live` does beside the fit: it simulates what is held out, then trials as long as it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..simulate.config import Simulation
    from ..simulate.run.live import LiveTrials
    from ..surrogate.fitting.live_plan import LivePlan


class Told(NamedTuple):
    """What a live fit is told: what to simulate, how many trials are where, and with what."""

    config: Simulation
    plan: LivePlan
    held_out: Path  # store of the trials that are held out
    keep: Path | None
    workers: int | None
    device: str
    overwrite: bool


def told(
    preset: str | None,
    fields: Sequence[str],
    plan: dict[str, Any],
    out: Path,
    keep: Path | None,
    workers: int | None,
    device: str,
    *,
    resume: bool,
    overwrite: bool,
) -> Told | None:
    """From what stands on the command line; None for a fit to stores.

    preset: its name, or a .toml file. A run that is resumed knows what it was told; what is given must be the same.
    Raises InputError for what is not a preset, a field or a plan, and for options of a live fit without one.
    """
    from ..simulate.changes import configured
    from ..simulate.config import Simulation
    from ..simulate.schema import InputError
    from ..surrogate.fitting.live_plan import LivePlan
    from ..surrogate.fitting.run_folder import CARD, read_card
    from ..surrogate.processes import started

    card = read_card(out).live if resume and (out / CARD).exists() else None
    if preset is None and card is None:
        given = {"--live-set": fields, "--keep": keep, "--workers": workers} | {f"--{each}": 1 for each in plan}
        option = next((option for option, value in given.items() if value), None)
        if option is not None:
            raise InputError(f"{option.replace('_', '-')}: is of a live fit; give --live PRESET too")
        return None
    if started().count > 1:
        raise InputError("--live: is for one process; fit to a dataset with torchrun")
    if out.exists() and not (resume or overwrite):  # which is seen before what is held out is simulated
        raise InputError(f"{out}: exists already; --resume goes on with it, --overwrite replaces it")
    held_out = out.with_name(f"{out.name}-held-out.zarr")
    if preset is None and card is not None:
        config = Simulation.checked(f"{out / CARD}", card.config)
    else:
        is_file = str(preset).endswith(".toml")
        config = configured(None if is_file else preset, preset if is_file else None, {}, fields)
    its_plan = (LivePlan() if card is None else card.plan).model_dump() | plan
    return Told(config, LivePlan.checked("live fit", its_plan), held_out, keep, workers, device, overwrite)


@contextmanager
def simulating(told: Told) -> Iterator[LiveTrials]:
    """Trials in the making, once those that are held out are there."""
    from ..simulate.run.live import LiveTrials
    from .progress import bar

    n = told.plan.validation_trials + told.plan.test_trials
    with bar("Simulating what is held out", n) as show:
        trials = LiveTrials(told.config, workers=told.workers, device=told.device, keep=told.keep)
        trials.hold_out(told.held_out, n, overwrite=told.overwrite, busy=show.waiting, so_far=show)
    with trials:
        yield trials
