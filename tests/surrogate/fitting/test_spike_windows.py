"""Windows drawn where spikes are: by the probability that their weight assumes, and the same gradient on average."""

import numpy as np
import pytest
import torch
from scipy.stats import cauchy, chisquare

from apical.simulate import schema
from apical.surrogate.fitting.recipe import Rates
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.spike_inputs import cut
from apical.surrogate.fitting.spike_windows import SpikeWindows
from apical.surrogate.fitting.step import window_loss
from apical.surrogate.fitting.windows import Choice, Windows, draw_places, draw_windows, load_joined, load_trials
from apical.surrogate.models.families import build

WINDOW_MS, BURN_IN_MS = 60, 20
CHOICE = Choice(spike_windows=0.6, burn_in_ms=BURN_IN_MS)
RATES = Rates(0.0, 0.5, 0.5, 0.0)


def of_spikes(*bins, duration_ms=1000):
    spike_t = np.zeros(duration_ms, np.float32)
    spike_t[list(bins)] = 1
    return spike_t


def test_a_probability_by_hand():
    """Starts 500 … 900, scored from 20 ms on: 80 windows score bin 700, 11 score bin 530, none bin 450."""
    chosen = SpikeWindows(0.5, 100, 20, 500, 900)
    spike_t = of_spikes(450, 530, 700)
    assert chosen.probability(spike_t, 505) == pytest.approx(0.5 / 401 + 0.5 * (1 / 11) / 2)
    assert chosen.probability(spike_t, 650) == pytest.approx(0.5 / 401 + 0.5 * (1 / 80) / 2)
    assert chosen.probability(spike_t, 600) == pytest.approx(0.5 / 401)
    assert chosen.weight(spike_t, 600) == pytest.approx(1 / (1 - 0.5))
    for silent in (of_spikes(), of_spikes(450)):
        assert (chosen.probability(silent, 600), chosen.weight(silent, 600)) == (1 / 401, 1.0)


def test_starts_are_drawn_with_their_probability():
    chosen, random = SpikeWindows(0.7, 60, 20, 500, 640), np.random.default_rng(0)
    spike_t = of_spikes(530, 600, 603, 650, duration_ms=700)
    probability = np.array([chosen.probability(spike_t, start) for start in range(500, 641)])
    assert probability.sum() == pytest.approx(1)
    n = 20_000
    drawn = [chosen.start(spike_t, int(random.integers(500, 641)), random.random(3)) for _ in range(n)]
    counts = np.bincount(np.array(drawn) - 500, minlength=141)
    assert chisquare(counts, n * probability).pvalue > 0.01


def every_window(trials):
    """All windows of all trials, once."""
    places = [(b, start) for b in range(len(trials.inputs)) for start in range(500, trials.duration_ms - WINDOW_MS + 1)]
    events = cut([trials.inputs[b] for b, _ in places], [start for _, start in places], WINDOW_MS)
    targets = (
        torch.from_numpy(np.stack([values_bt[b][start : start + WINDOW_MS] for b, start in places]))
        for values_bt in (trials.spike_bt, trials.voltage_bt)
    )
    return Windows(events, *targets, None)


def gradient(model, windows):
    model.zero_grad()
    y_bwo = model(windows.events)[:, BURN_IN_MS:]
    spike_bw, voltage_bw = (each[:, BURN_IN_MS:] for each in windows[1:3])
    window_loss(y_bwo, spike_bw, voltage_bw, RATES, weight_b=windows.weight_b).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()]).double().numpy()


def test_the_expected_gradient_is_that_of_uniform_windows(make_dataset):
    """All windows there are, against sixteen batches: within the batches' standard error, as normal variables are.

    Without the weights the same batches are far off.
    """
    data = make_dataset(n_trials=3, duration_ms=620, n_segments=2)
    trials = load_trials(schema.open_dataset(data), [0, 1, 2], VoltageScaling())
    trials = trials._replace(spike_bt=np.stack([of_spikes(540, 590, duration_ms=620), *trials.spike_bt[1:]]))
    model = build("ln", 2, 4)
    model.set_spike_bias(-3.0)
    expected = gradient(model, every_window(trials))
    size = {"window_ms": WINDOW_MS, "batch": 100}
    drawn = [draw_windows(trials, **size, seed=1, step=step, choice=CHOICE) for step in range(16)]
    weights = np.concatenate([each.weight_b for each in drawn])
    assert weights.max() <= 1 / (1 - CHOICE.spike_windows) + 1e-6
    assert weights.mean() == pytest.approx(1, abs=0.03)
    for weighted in (True, False):
        found = np.stack([gradient(model, each if weighted else each._replace(weight_b=None)) for each in drawn])
        z = (found.mean(axis=0) - expected) / (found.std(axis=0, ddof=1) / np.sqrt(len(found)))
        assert (np.abs(z) < 4).all() == weighted, z


def test_off_they_are_as_they_were(make_dataset):
    trials = load_trials(schema.open_dataset(make_dataset()), [0, 1, 2], VoltageScaling())
    size = {"window_ms": 100, "batch": 40, "seed": 3, "step": 5}
    plain = draw_places(trials, **size)
    assert plain.weight_b is None and plain.salt_b is None
    chosen = draw_places(trials, **size, choice=CHOICE)
    np.testing.assert_array_equal(chosen.at_b, plain.at_b)  # the trials are the same, only where in them is not
    assert (chosen.start_b != plain.start_b).any()
    assert ((chosen.start_b >= 500) & (chosen.start_b <= 1400)).all()


def test_a_share_of_the_batch_is_that_of_the_whole(make_dataset):
    trials = load_trials(schema.open_dataset(make_dataset()), [0, 1, 2], VoltageScaling())
    size, choice = {"window_ms": 100, "batch": 6, "seed": 3, "step": 5}, Choice(0.5, 10, 0.25)
    whole = draw_windows(trials, **size, choice=choice)
    halves = [draw_windows(trials, **size, share=part, choice=choice) for part in (slice(0, 3), slice(3, 6))]
    for name in ("spike_bw", "voltage_bw", "weight_b"):
        assert torch.equal(torch.cat([getattr(half, name) for half in halves]), getattr(whole, name))
    assert torch.equal(torch.cat([half.events.dense() for half in halves]), whole.events.dense())


def test_labels_of_exact_times_are_fitted_to_and_not_scored_by(make_dataset):
    """The made-up spikes lie 0.125 ms behind the edge of their bin: some 6 % of a label are the bin's before."""
    ds = schema.open_dataset(make_dataset())
    soft, hard = (load_joined([(ds, [0, 1])], VoltageScaling(), spike_jitter_ms=jitter) for jitter in (0.025, None))
    assert {*np.unique(hard.spike_bt)} == {0, 1}
    before = np.roll(hard.spike_bt, -1, axis=1) > 0
    mass = np.diff(cauchy.cdf(np.array([-1.125, -0.125, 0.875, 1.875]), 0, 0.025))
    np.testing.assert_allclose(soft.spike_bt[before], mass[0] / mass.sum(), rtol=1e-5)
    np.testing.assert_allclose(soft.spike_bt.sum(), hard.spike_bt.sum(), rtol=1e-3)  # but for what lies past the end
    assert soft.spike_rate == pytest.approx(hard.spike_rate, rel=1e-3)
