"""A configuration is checked however it is made, and says in one line what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate.config import Lif, Simulation
from apical.simulate.engine.interface import Integration
from apical.simulate.presets import lif, nmda
from apical.simulate.schema import LARGEST_SEED, InputError, shown
from apical.simulate.stimulus.statistics import InputStatistics


@pytest.mark.parametrize(
    "config, update, said",
    [
        (nmda(), {"seconds": -1.0}, "Simulation: seconds: Input should be greater than or equal to 0.001, not -1.0"),
        (nmda(), {"secnds": 1.0}, "Simulation: 'secnds' is not a setting: did you mean 'seconds'?"),
        (nmda(), {"without_nmda": {"tree": "root"}}, "Simulation: without_nmda.tree: Input should be 'basal' or"),
        (Integration(), {"dt_ms": None, "engine": "batched"}, "Integration: a variable step (no dt_ms) needs engine"),
        (Lif(), {"v_threshold_mv": -80.0}, "Lif: v_threshold_mv: expected a value above rest and reset"),
        (nmda().statistics, {"excitatory_basal": (3, 1)}, "InputStatistics: excitatory_basal: range (3, 1) is not asc"),
    ],
)
def test_a_copy_is_checked_as_the_whole_is(config, update, said):
    with pytest.raises(InputError) as error:
        config.model_copy(update=update)
    assert str(error.value).startswith(said)


def test_a_copy_has_its_changes_and_leaves_the_rest():
    config = nmda()
    copied = config.model_copy(update={"seed": 3, "integration": Integration(dt_ms=0.05)})
    assert copied == Simulation.model_validate(config.model_dump() | {"seed": 3, "integration": {"dt_ms": 0.05}})
    assert config.model_copy() == config
    assert config.seed == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_only_finite_numbers_are_taken(value):
    for config, name in ((Integration(), "tolerance"), (Lif(), "v_rest_mv"), (nmda(), "sk_e2_factor")):
        with pytest.raises(InputError, match=f"{name}: Input should be a finite number"):
            config.model_copy(update={name: value})
    with pytest.raises(InputError, match="finite number"):
        nmda().statistics.model_copy(update={"excitatory_apical": (0, value)})


def test_a_seed_is_what_a_store_can_hold():
    assert np.iinfo(np.int64).max == LARGEST_SEED
    assert nmda().model_copy(update={"seed": LARGEST_SEED}).seed == LARGEST_SEED
    for seed in (-1, LARGEST_SEED + 1, 2**70):
        with pytest.raises(InputError, match="seed: Input should be"):
            nmda().model_copy(update={"seed": seed})


def test_the_least_and_the_most_are_taken():
    """The stated bounds themselves are allowed."""
    InputStatistics(
        excitatory_basal=(0, 1e6),
        excitatory_apical=(0, 0),
        inhibitory_minus_excitatory_basal=(-1e6, 1e6),
        inhibitory_minus_excitatory_apical=(0, 0),
    )
    nmda().model_copy(update={"seconds": 100.0, "integration": Integration(dt_ms=1e-4)})  # 10⁹ steps
    with pytest.raises(InputError, match=r"seconds: 1\.0e\+09 steps of 0\.0001 ms, expected 1e\+09 at most"):
        nmda().model_copy(update={"seconds": 100.001, "integration": Integration(dt_ms=1e-4)})
    lif().model_copy(update={"seconds": 3600.0})


def test_a_long_value_is_shown_by_its_ends():
    assert shown("a" * 20) == repr("a" * 20)
    for value in ("9" * 5000, [[[[[[[[[[1]]]]]]]]]], {"a": "b" * 1000}, 10**3000):
        assert len(shown(value)) < 100
