"""Out-of-distribution input: few spatial clusters, sinusoidal rates in half of the trials, no inhibition in half."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import presets
from apical.simulate.cell import morphologies
from apical.simulate.cell.built import Cell
from apical.simulate.cell.spatial_clusters import clusters
from apical.simulate.stimulus.out_of_distribution import OutOfDistribution, factor
from apical.simulate.trial.experiment import Experiment

CLUSTER = np.arange(128) // 2  # 64 of them, two segments each
N = len(CLUSTER)


def factors(change: OutOfDistribution, n: int, ms: int = 2) -> list[np.ndarray]:
    return [factor(change, CLUSTER, ms, 3, trial) for trial in range(n)]


def test_up_to_30_percent_of_the_clusters_are_stimulated():
    shares = []
    for made in factors(OutOfDistribution(gain=2.0, modulated=0.0), 200):
        stimulated = made[:N].max(axis=1) > 0
        whole = stimulated.reshape(64, 2)
        assert (whole.all(axis=1) == whole.any(axis=1)).all()
        assert set(np.unique(made)) == {0, 2}
        shares.append(whole.any(axis=1).sum())
    assert min(shares) == 1 and max(shares) == 19  # 19 / 64 is the last below 30 %
    assert np.mean(shares) == pytest.approx(10, abs=1.2)


def test_half_of_the_trials_have_no_inhibition():
    without = [not made[N:].any() for made in factors(OutOfDistribution(), 200)]
    assert 80 <= sum(without) <= 120
    for made in factors(OutOfDistribution(without_inhibition=0.0), 10):
        assert np.array_equal(made[N:], made[:N])


def test_half_of_the_trials_are_modulated_with_periods_of_15_to_300_ms():
    periods_ms = []
    for made in factors(OutOfDistribution(), 120, 3000):
        rate = made[:N].max(axis=0)
        if np.ptp(rate) == 0:
            continue
        assert rate.mean() == pytest.approx(1.5, rel=0.03) and rate.min() >= 0 and rate.max() <= 3
        spectrum = np.abs(np.fft.rfft(rate - rate.mean()))
        periods_ms.append(3000 / spectrum.argmax())
    assert 40 <= len(periods_ms) <= 80
    assert 14.5 <= min(periods_ms) < 30 and 270 < max(periods_ms) <= 340
    assert np.median(periods_ms) == pytest.approx(157, abs=50)


def test_a_trial_is_its_own():
    change = OutOfDistribution()
    assert np.array_equal(factors(change, 4)[3], factor(change, CLUSTER, 2, 3, 3))
    assert not np.array_equal(factors(change, 4)[3], factor(change, CLUSTER, 2, 4, 3))


def test_clusters_are_compact_and_cover_the_cell(shared):
    """64 of them on the published cell; no two of its segments in one are further apart than 200 um of dendrite."""
    from neuron import h

    cell = Cell(morphologies.resolve(str(shared("data/hay2011/cell1.asc"))))
    try:
        found = clusters(cell.segments, 64)
        assert set(found) == set(range(64))
        for number in range(64):
            members = [cell.segments[i].neuron for i in np.flatnonzero(found == number)]
            assert max(h.distance(members[0], each) for each in members) <= 200
        assert np.array_equal(found, clusters(cell.segments, 64))
    finally:
        cell.close()


def test_input_outside_the_clusters_is_silent(swc):
    """On the small cell of 26 segments, 4 clusters of which 1 gets input: 1 to 25 segments have all the spikes."""
    change = OutOfDistribution(clusters=4, most_stimulated=0.3, without_inhibition=0.0, modulated=0.0, gain=1.0)
    plain = presets.nmda().model_copy(update={"morphology": str(swc()), "seconds": 2.0})
    for chosen in (plain, plain.model_copy(update={"out_of_distribution": change})):
        experiment = Experiment(chosen)
        made = experiment.input_spikes(0)
        if chosen is plain:
            usual = made
        else:
            cluster = clusters(experiment.cell.segments, 4)
        experiment.close()
    active = made.any(axis=1).reshape(2, 26)
    assert np.array_equal(active[0], active[1])
    assert len(set(cluster[active[0]])) == 1 and (active[0] == (cluster == cluster[active[0]][0])).all()
    assert np.array_equal(made[np.tile(active[0], 2)], usual[np.tile(active[0], 2)])  # its rates are as without
