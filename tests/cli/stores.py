"""What every reader of a dataset makes of a store: it works, or refuses it in one line, never with a traceback."""

from __future__ import annotations

from pathlib import Path

from apical.simulate.schema import InputError

SMALL = {"window_ms": 120, "burn_in_ms": 20, "steps": 1, "batch": 1}


def readers(folder: Path) -> dict:
    """Functions of a store's path by name. In `folder`, a run and a prediction of the store that it was before."""
    from apical.analysis.pages.inspect import summary
    from apical.analysis.scores.evaluate import Evaluation, evaluate
    from apical.cli.again.report import report_again
    from apical.cli.look_inside import look_inside
    from apical.simulate import schema
    from apical.simulate.config import Simulation
    from apical.simulate.run import dataset
    from apical.simulate.run.noise_floor import noise_floor
    from apical.surrogate.fitting.fit import fit
    from apical.surrogate.fitting.recipe import quick
    from apical.surrogate.use.checkpoint import Surrogate
    from apical.surrogate.use.predict import predict

    surrogate = Surrogate.load(folder / "run")
    config = Simulation.model_validate(schema.config_of(schema.open_dataset(folder / "truth.zarr")))
    prediction, every = folder / "prediction.zarr", Evaluation(every_trial=True, drop_ms=0, resamples=0)

    def look(store):
        truth, predicted = schema.open_dataset(store, "simulation"), schema.open_dataset(prediction, "prediction")
        look_inside(surrogate, truth, predicted, None, None)

    return {
        "inspect": summary,
        "fit": lambda store: fit(quick("elm", 1, **SMALL), store, folder / "new-run", device="cpu", overwrite=True),
        "predict": lambda store: predict(surrogate, store, folder / "new.zarr", device="cpu", overwrite=True),
        "evaluate": lambda store: evaluate(store, [prediction], every),
        "look": look,
        "report": lambda store: report_again([], store, [prediction], None, Path("report.html")),
        "resume": lambda store: dataset.simulate(config, store, resume=True),
        "append": lambda store: dataset.simulate(config, store, 1, append=True),
        "noise-floor": lambda store: noise_floor(store, folder / "floor.zarr", {"dt_ms": 0.0125}, overwrite=True),
    }


def outcome(read, store: Path, begun: type[Exception]) -> str:
    """ "": it works, begins its work, or refuses in one line; else what went wrong."""
    try:
        read(store)
    except begun:
        return ""
    except InputError as error:
        return "" if len(str(error).splitlines()) == 1 else f"many lines: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return ""
