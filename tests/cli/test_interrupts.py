"""Ctrl-C ends a command in one line and at once, wherever it is."""

from __future__ import annotations

import pytest

LAUNCH = "multiprocessing.popen_spawn_posix.Popen._launch"
SIMULATE = "simulate ball-and-stick --seconds 0.1 --trials 3 --workers 2 --out new.zarr"


@pytest.mark.parametrize("kth", [1, 20, 100])
def test_while_modules_are_imported(interrupted, kth):
    interrupted("presets", "import", kth)


def test_while_python_ends(interrupted):
    interrupted("presets", "exit")


def test_an_exception_that_somebody_swallows(interrupted):
    """As Python does in finalisers and callbacks, and a library that takes every exception for its own."""
    interrupted("presets", "apical.simulate.changes.fields", 1, "swallowed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "kth"),
    [
        ("distributed.LocalCluster.__init__", 1),
        (LAUNCH, 2),
        ("apical.simulate.run.spread.Progress", 1),
        ("distributed.LocalCluster.close", 1),
    ],
    ids=["cluster", "worker", "first trial", "close"],
)
def test_simulate(interrupted, where, kth):
    interrupted(SIMULATE, where, kth)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "where"),
    [
        (
            "fit truth.zarr --size 3 --steps 4 --batch 2 --out new --device cpu",
            "apical.surrogate.fitting.run.Run.validated",
        ),
        ("predict run truth.zarr --out new.zarr", "apical.surrogate.use.predict.rollout"),
        ("sweep sweep.toml truth.zarr --out new --workers 2", "apical.simulate.run.dask_cluster.spread"),
        ("population network.toml --out new.zarr", "apical.surrogate.population.population.Population.run"),
        ("generalise run --on truth.zarr --out new.csv", "apical.surrogate.sweep.generalise.predict"),
        ("evaluate truth.zarr prediction.zarr --out new.csv", "apical.analysis.scores.files.write_scores"),
        ("validate --only convergence --out new.png", LAUNCH),
        ("quickstart --tiny --out new", "apical.simulate.run.dataset.simulate"),
    ],
    ids=lambda text: text.split()[0],
)
def test_every_other_long_command(interrupted, fitted, command, where):
    (fitted / "sweep.toml").write_text("[[models]]\nfamily = 'elm'\nsizes = [2]\n")
    (fitted / "network.toml").write_text("duration_ms = 300\n[[groups]]\nmodel = 'run'\nn = 3\n")
    interrupted(command, where)
