"""`apical quickstart`: the stages in order, from the reconstructed cell to the picture of what parameters buy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

FLOOR_DT_MS = 0.03125  # in place of 0.025


@dataclass(frozen=True)
class Plan:
    """How large a quickstart is. models: family, size and training steps of each fit."""

    trials: int
    seconds: float
    seed: int
    models: tuple[tuple[str, str, int], ...]
    validation_fraction: float = 0.15
    test_fraction: float = 0.25


FULL = Plan(
    trials=96,
    seconds=6.0,
    seed=0,
    models=(("elm", "3", 500), ("elm", "10", 500), ("elm", "30", 500), ("tcn", "1x16", 250), ("tcn", "3x32", 250)),
    test_fraction=0.3,  # 29 trials, of which at least 20 are to have output spikes, as intervals of scores need
)
TINY = Plan(
    trials=6,
    seconds=2.0,
    seed=0,
    models=(("elm", "2", 20), ("elm", "5", 20), ("elm", "10", 20), ("tcn", "1x4", 20), ("tcn", "2x8", 20)),
)


def run(out: Path, tiny: bool = False, device: str = "auto") -> None:
    """Run every stage whose result is not in `out` yet, and print the score table and where things are."""
    from ..analysis.comparison.compare import compare
    from ..analysis.pages.inspect import inspect_figure
    from ..analysis.scores.evaluate import evaluate
    from ..analysis.scores.files import write_scores
    from ..simulate.schema import InputError
    from ..surrogate.device import choose_device
    from .progress import console
    from .tables import print_scores

    began = time.monotonic()
    plan = TINY if tiny else FULL
    choose_device(device)  # a wrong one is said now, not after the simulation
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder ({error.strerror}); choose another path") from error
    data = out / "data.zarr"
    _check_same_size(plan, data, out)
    _simulate(plan, data)
    picture = inspect_figure(data, out / "data.png")
    predictions = [_fit_and_predict(plan, data, out, *model, device=device) for model in plan.models]
    scores = evaluate(data, [*predictions, _noise_floor(data, out, predictions[0])])
    write_scores(out / "scores.csv", scores)
    figure = compare(scores, out / "figure.png")
    print_scores(scores)
    for what, path in (("data", data), ("one trial", picture), ("scores", out / "scores.csv"), ("figure", figure)):
        console.print(f"{what + ':':<11}{path}")
    console.print(f"{time.monotonic() - began:.0f} s in all")


def _check_same_size(plan: Plan, data: Path, out: Path) -> None:
    """Raise InputError where the folder holds a quickstart of another size, which this one cannot go on with."""
    from ..simulate.schema import InputError, open_dataset

    if data.exists():
        sizes = open_dataset(data, "simulation", complete=False).sizes
        trials, seconds = sizes["trial"], sizes["time_ms"] / 1000
        if (trials, seconds) != (plan.trials, plan.seconds):
            raise InputError(
                f"{out}: holds a quickstart of {trials} trials of {seconds:g} s, this one has {plan.trials} of "
                f"{plan.seconds:g} s; give another folder with --out, or remove that one"
            )


def _simulate(plan: Plan, data: Path) -> None:
    from ..simulate.presets import preset
    from ..simulate.run.dataset import available_cores, simulate
    from .progress import bar

    config = preset("nmda-ttpc1").model_copy(update={"seconds": plan.seconds, "seed": plan.seed})
    title = f"Simulating {plan.trials} trials of {plan.seconds:g} s"
    with bar(title, plan.trials) as show:
        simulate(
            config,
            data,
            plan.trials,
            available_cores(),
            resume=data.exists(),
            busy=show.waiting,
            so_far=show,
        )


def _noise_floor(data: Path, out: Path, like: Path) -> Path:
    """The trials that the models predict, integrated with another step: the best that a model can be expected to do."""
    from ..simulate.run.dataset import available_cores
    from ..simulate.run.noise_floor import noise_floor
    from .progress import bar

    floor = out / "predictions" / "noise-floor.zarr"
    with bar("Noise floor") as show:
        noise_floor(
            data,
            floor,
            {"dt_ms": FLOOR_DT_MS},
            trials_of=like,
            workers=available_cores(),
            resume=floor.exists(),
            busy=show.waiting,
            so_far=show,
        )
    return floor


def _fit_and_predict(plan: Plan, data: Path, out: Path, family: str, size: str, steps: int, device: str) -> Path:
    from ..surrogate.fitting.fit import fit
    from ..surrogate.fitting.recipe import quick
    from ..surrogate.use.checkpoint import load_run
    from ..surrogate.use.predict import predict
    from .progress import bar

    folder, prediction = out / "runs" / f"{family}-{size}", out / "predictions" / f"{family}-{size}.zarr"
    config = quick(
        family,
        size,
        steps=steps,
        validate_every=max(steps // 5, 10),
        validation_fraction=plan.validation_fraction,
        test_fraction=plan.test_fraction,
    )
    with bar(f"Fitting {family.upper()} {size}", steps) as show:
        fit(
            config,
            data,
            folder,
            device=device,
            resume=folder.exists(),
            report=lambda progress: show(progress.step, progress.steps, progress.in_words()),
        )
    with bar(f"Predicting with {family.upper()} {size}") as show:
        predict(load_run(folder), data, prediction, device=device, overwrite=prediction.exists(), report=show)
    return prediction
