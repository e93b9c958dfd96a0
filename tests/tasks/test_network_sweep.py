"""Sweeps of ELM Networks: every size meets its budget, and the runs of a sweep are fitted, scored and told apart."""

import pytest
import torch

from apical.analysis.sequences.rows import read_task_scores
from apical.cli import on_tasks
from apical.simulate.schema import InputError
from apical.tasks import open_task, toy
from apical.tasks.sweep.network_sweep import network_sweep
from apical.tasks.sweep.sweep import TaskScoring, run_task_sweep

SMALL = {"adding": False, "bin_ms": 50.0, "steps": 1, "batch": 4, "validation_items": 4}
SHAPE = {"options": {"n_branches": 5, "synapses_per_branch": 4}}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "toy.zarr"
    toy(path, "events", train=40, test=20)
    return path


@pytest.mark.parametrize("axis", ["n-vs-ke", "n-vs-kc", "ke-vs-kc"])
def test_every_size_meets_its_budget(task, axis):
    runs = network_sweep(open_task(task), [9_000, 30_000], axis, settings=SMALL | SHAPE).runs()
    assert len(runs) >= 8
    for fit in runs.values():
        d, b = int(fit.options["d_m"]), int(fit.options["n_branches"])
        synapses = b * int(fit.options["synapses_per_branch"])
        hidden = (fit.size or 0) * (synapses + 2 * d * (d + b + 1) + d * (2 * d + 1) + d + 1)
        whole = hidden + 10 * (synapses + 3 * (3 + b + 1) + 3 + 1) + 10 * 11
        assert min(abs(whole - budget) / budget for budget in (9_000, 30_000)) <= 0.01
        assert (fit.counting, fit.warm_up_steps, fit.bin_ms) == ("any", 400, 50.0)


def test_the_published_sizes_are_among_those_of_77_thousand(task):
    """With 19 sums for classes and 700 channels, which parameters do not depend on."""
    settings = SMALL | {"adding": False}
    del settings["bin_ms"]
    runs = network_sweep(open_task(task), [77_310], settings=settings).runs()
    sizes = {int(fit.options["d_m"]): fit.size for fit in runs.values()}
    published = {3: 130, 4: 111, 5: 96, 7: 73}
    assert all(abs(sizes[d] - n) <= 0.03 * n + 9 for d, n in published.items())  # nine classes fewer


def test_a_sweep_is_fitted_scored_and_told_apart(task, tmp_path):
    had = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        config = network_sweep(open_task(task), [9_000], seeds=[0], settings=SMALL | SHAPE)
        outcomes = run_task_sweep(
            config, task, tmp_path / "out", TaskScoring(on_tasks._write_score, on_tasks._join_scores)
        )
    finally:
        torch.set_num_threads(had)
    assert not any(each.error for each in outcomes)
    found = read_task_scores([tmp_path / "out" / "scores.csv"])
    assert len({each.what for each in found}) == len(found) == len(outcomes)
    assert {each.d_m for each in found} >= {2, 3, 5} and {each.n_sources for each in found} >= {20}
    assert found[0].size_in_words == f"{found[0].size}, d_m {found[0].d_m}"


def test_a_budget_that_no_size_meets(task):
    with pytest.raises(InputError, match="no size along n-vs-ke has 50 parameters"):
        network_sweep(open_task(task), [50], settings=SMALL)
