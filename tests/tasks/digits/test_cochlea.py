"""The cochlea against lauscher itself, spike for spike, and its own draw of what fibres transmit against the law."""

from importlib.util import find_spec

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks.digits import cochlea

needs_lauscher = pytest.mark.skipif(
    not (find_spec("lauscher") and find_spec("numba")), reason="lauscher and numba are not there: apical[tasks]"
)
RATE_HZ = 22_050


@pytest.fixture
def vowel():
    """0.1 s of a pulse train at 120 Hz through two resonances, which makes cells of all 30 channels busy."""
    time_s = np.arange(2 * 1080 - 2) / RATE_HZ
    ring = [np.exp(-time_s * 200) * np.sin(2 * np.pi * hz * time_s) for hz in (600, 1800)]
    pulses = (np.arange(len(time_s)) % (RATE_HZ // 120) == 0).astype(float)
    return np.convolve(pulses, sum(ring))[: len(time_s)]


@needs_lauscher
@pytest.mark.slow  # lauscher itself takes its time
@pytest.mark.filterwarnings("ignore")  # of lauscher and of what it imports
def test_spikes_are_lauscher_s_own(tmp_path, vowel):
    """With its own random numbers, drawn in its own order, times and channels are equal to the last bit."""
    from lauscher.audiowaves import MonoAudioWave
    from lauscher.helpers import CommandLineArguments
    from lauscher.transformations import BushyCell
    from lauscher.transformations.wave2spike import Wave2Spike

    CommandLineArguments().num_concurrent_jobs = 1
    np.random.seed(3)  # noqa: NPY002  # lauscher draws from this one
    theirs = Wave2Spike(30)(MonoAudioWave(vowel.copy(), RATE_HZ))
    np.random.seed(3)  # noqa: NPY002
    drawn = BushyCell()
    time_s, channel = cochlea.Cochlea(tmp_path, 30).spikes(
        vowel, RATE_HZ, 0, lambda p, dead, fibres, seed: drawn._sample(p, RATE_HZ // 2).sum(axis=1)
    )
    assert len(time_s) > 40
    assert np.array_equal(time_s, theirs.spike_times)
    assert np.array_equal(channel, theirs.spike_labels)


@needs_lauscher
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_clip_depends_on_its_seed_only_and_the_transfer_function_is_kept(tmp_path, vowel):
    first = cochlea.Cochlea(tmp_path, 30)
    longer = first.lengthened(vowel[:1500])
    assert len(longer) == 2 * 1080 - 2 and np.array_equal(longer[:1500], vowel[:1500]) and not longer[1500:].any()
    once = first.spikes(longer, RATE_HZ, 5)
    kept = [path.stat().st_mtime_ns for path in tmp_path.glob("transfer-*.npy")]
    again = cochlea.Cochlea(tmp_path, 30).spikes(longer, RATE_HZ, 5)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert [path.stat().st_mtime_ns for path in tmp_path.glob("transfer-*.npy")] == kept and len(kept) == 1
    other = first.spikes(longer, RATE_HZ, 6)
    assert not np.array_equal(once[0], other[0])


def test_fibres_transmit_with_the_probability_of_each_step():
    """Without a dead time the counts of 4,000 fibres are binomial in every step."""
    p_t = np.array([0.0, 0.3, 0.05, 0.9, 1.0, 0.0, 0.2])
    count_t = cochlea.transmit(p_t, 1.0, 4000, 1)
    spread = np.sqrt(4000 * p_t * (1 - p_t))
    assert (np.abs(count_t - 4000 * p_t) <= 4.5 * spread + 1e-9).all()


def test_dead_time_is_that_of_lauscher_s_rule():
    """Against Bernoulli draws of which those too soon are crossed out: rates in each step, and the least interval."""
    rng = np.random.default_rng(0)
    p_t, dead, fibres = 0.2 + 0.1 * np.sin(np.arange(40) / 5), 3.5, 4000
    expected = np.zeros(40)
    for drawn in rng.random((fibres, 40)) < p_t:
        last = -np.inf
        for step in np.flatnonzero(drawn):
            if step - last >= dead:
                expected[step] += 1
                last = step
    count_t = cochlea.transmit(p_t, dead, fibres, 2)
    assert (np.abs(count_t - expected) < 5 * np.sqrt(2 * np.maximum(expected, 1))).all()
    one = [np.flatnonzero(cochlea.transmit(p_t, dead, 1, seed)) for seed in range(50)]
    assert min(int(np.diff(each).min()) for each in one if len(each) > 1) == 4


def test_a_hair_cell_at_rest_stays_and_a_bushy_cell_fires_as_worked_by_hand():
    parameters = [5.05, 2000.0, 2500.0, 6580.0, 66.3, 5.0, 300.0, 50000.0, 1.0]
    release_t = cochlea.meddis(np.zeros(50), 10_000.0, *parameters)
    assert np.allclose(release_t, release_t[0], rtol=1e-9) and release_t[0] > 0
    spikes_t = np.zeros(12, bool)
    cochlea.integrate(np.full(12, 1.0), 0.5, 0.0, 0.6, 2.0, spikes_t)
    # v: .6, .9, 1 → a spike; then two steps of rest, .6, .9, 1 → the next one five steps later
    assert np.flatnonzero(spikes_t).tolist() == [2, 7]


def test_absent_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cochlea, "find_spec", lambda name: None if name == "lauscher" else name)
    with pytest.raises(InputError, match=r"lauscher is not installed: pip install 'apical\[tasks\]' brings it"):
        cochlea.Cochlea(tmp_path)
