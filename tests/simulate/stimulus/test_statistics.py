"""Input spike trains follow the published statistics and depend on seed and trial alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apical.simulate import presets
from apical.simulate.stimulus import statistics
from apical.simulate.stimulus.statistics import InputStatistics

TREE = np.array(["basal"] * 262 + ["apical"] * 377)
LENGTH_UM = np.r_[np.full(262, 5133.49 / 262), np.full(377, 7440.91 / 377)]  # totals of the published reconstruction
NMDA = presets.nmda().statistics


def fixed(count: float, inhibitory: float = 0.0) -> InputStatistics:
    """No range: every hold interval has this count per tree."""
    return InputStatistics(
        excitatory_basal=(count, count),
        excitatory_apical=(count, count),
        inhibitory_minus_excitatory_basal=(inhibitory - count, inhibitory - count),
        inhibitory_minus_excitatory_apical=(inhibitory - count, inhibitory - count),
    )


@pytest.mark.slow
def test_published_totals():
    """About 47,000 excitatory and 36,000 inhibitory spikes per 6 s trial on the published cell, on average."""
    counts = np.array(
        [statistics.draw(NMDA, TREE, LENGTH_UM, 6000, 1, t).reshape(2, -1).sum(axis=1) for t in range(40)]
    )
    excitatory, inhibitory = counts.mean(axis=0)
    assert excitatory == pytest.approx(47_000, rel=0.08)
    assert inhibitory == pytest.approx(36_000, rel=0.12)


def test_a_trial_does_not_depend_on_the_others():
    one = statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 7)
    statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 6)
    assert (one == statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 7)).all()
    assert (one != statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 8)).any()
    assert (one != statistics.draw(NMDA, TREE, LENGTH_UM, 500, 4, 7)).any()


def test_counts_are_per_tree_and_100_ms():
    """With no range, a tree's spikes per 100 ms are the count that was asked for."""
    spikes = np.array([statistics.draw(fixed(300, 100), TREE, LENGTH_UM, 6000, 0, t) for t in range(6)])
    inner = spikes[:, :, 2500:3500].mean(axis=(0, 2)) * 100  # per synapse and 100 ms, far from the smoothed edges
    for tree in ("basal", "apical"):
        of_tree = np.r_[tree == TREE, np.zeros(639, bool)]
        assert inner[of_tree].sum() == pytest.approx(300, rel=0.05)
        assert inner[np.roll(of_tree, 639)].sum() == pytest.approx(100, rel=0.08)


def test_spikes_go_with_length_plus_10_um():
    length_um = np.where(np.arange(639) % 2, 5.0, 35.0)
    spikes = np.array([statistics.draw(fixed(600), TREE, length_um, 6000, 0, t) for t in range(6)]).sum(axis=(0, 2))[
        :639
    ]
    assert spikes[length_um == 35].sum() / spikes[length_um == 5].sum() * (length_um == 5).sum() / (
        length_um == 35
    ).sum() == pytest.approx(45 / 15, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(duration_ms=st.integers(1, 900), n=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_any_size_gives_booleans_of_that_size(duration_ms, n, seed):
    tree = np.array(["basal", "apical"] * n)
    spikes = statistics.draw(NMDA, tree, np.full(2 * n, 20.0), duration_ms, seed, 0)
    assert spikes.shape == (4 * n, duration_ms) and spikes.dtype == bool


def test_no_input_gives_no_spikes():
    assert not statistics.draw(fixed(0), TREE, LENGTH_UM, 300, 0, 0).any()


@pytest.mark.parametrize("bad", [(800, 0), (-5, 10)])
def test_impossible_ranges_are_named(bad):
    with pytest.raises(ValidationError, match="excitatory_basal"):
        InputStatistics.model_validate(NMDA.model_dump() | {"excitatory_basal": bad})


BEFORE_BBP2015 = presets._ranges(1600, 1600, (-900, 200))  # of preset nmda-ttpc1, for another cell


@pytest.mark.parametrize(
    "preset, sha256",
    [
        ("before bbp2015", "b81503627d99ad43"),
        ("nmda", "f9737fefaa873ce0"),
        ("ampa", "2ac965383787cb60"),
        ("ampa-sk", "3a006b1db18f1255"),
    ],
)
def test_a_seed_means_the_same_spikes_in_every_version(preset, sha256):
    """Hashes taken at commit d70ab95, before anything but these could be drawn: published seeds must not drift."""
    tree, length_um = np.array(["basal"] * 26 + ["apical"] * 37), np.linspace(5, 40, 63)
    ranges = BEFORE_BBP2015 if preset == "before bbp2015" else presets.preset(preset).statistics
    spikes = statistics.draw(ranges, tree, length_um, 700, 3, 2)
    assert hashlib.sha256(np.packbits(spikes).tobytes()).hexdigest()[:16] == sha256


def test_changed_rates_change_only_where_the_factor_says():
    factor = np.ones((2 * 639, 1))
    factor[:100] = 0
    plain = statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 7)
    changed = statistics.draw(NMDA, TREE, LENGTH_UM, 500, 3, 7, factor)
    assert plain[:100].any() and not changed[:100].any()
    assert (changed[100:] == plain[100:]).all()
