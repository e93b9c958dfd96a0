"""Voices of espeak-ng: who speaks in which set, what is cut off; and a small set from speech to task."""

import json
import shutil
from collections import Counter
from importlib.util import find_spec

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks.digits import cochlea, shd, spoken_digits, voices

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not there: apt-get install it"
)
needs_all = pytest.mark.skipif(
    shutil.which("espeak-ng") is None or not all(map(find_spec, ("lauscher", "numba", "h5py"))),
    reason="espeak-ng, lauscher, numba or h5py is not there: apical[tasks]",
)


def test_labels_are_in_turn_and_two_voices_are_in_the_test_only():
    train = [voices.spoken(0, at, False) for at in range(2000)]
    test = [voices.spoken(0, at, True) for at in range(500)]
    assert Counter(each.label for each in train) == dict.fromkeys(range(20), 100)
    assert Counter(each.label for each in test) == dict.fromkeys(range(20), 25)
    assert {each.voice for each in train} == {*voices.VOICES} and len(voices.VOICES) == 18
    assert {each.voice for each in test} == {*voices.VOICES, *voices.TEST_VOICES} and len(voices.TEST_VOICES) == 2
    share = np.mean([each.voice in voices.TEST_VOICES for each in test])
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 500)
    assert all((each.language == "de") == (each.label >= 10) for each in train)
    for name, (low, high) in (("words_per_minute", voices.WORDS_PER_MINUTE), ("pitch", voices.PITCH)):
        drawn = [getattr(each, name) for each in train]
        assert min(drawn) >= low and max(drawn) <= high and len(set(drawn)) > 0.9 * (high - low)
    assert voices.spoken(0, 7, False) == train[7] != voices.spoken(1, 7, False)
    assert len(set(train)) == 2000 and not {*train} & {*test}


def test_silence_is_cut_off_but_a_margin():
    loud = np.sin(np.arange(4410) / 3)
    samples = np.concatenate([np.zeros(2205), loud, np.zeros(6615)])
    cut = voices.trimmed(samples, 22_050)
    assert len(loud) <= len(cut) <= len(loud) + 4 * 441 + 2 * 220
    assert np.array_equal(cut[np.flatnonzero(cut)], samples[np.flatnonzero(samples)])
    with pytest.raises(InputError, match="gives silence"):
        voices.trimmed(np.zeros(1000), 22_050)


@needs_espeak
def test_voices_speeds_and_pitches_are_heard():
    """espeak-ng passes over a voice of some languages (en-gb) in silence, so each is listened to in each."""
    usual = voices.Spoken(3, "m1", "en", 150, 50, 0)
    for language in (*voices.ENGLISH, *voices.GERMAN):
        of = [*voices.VOICES, *voices.TEST_VOICES] if language in ("en", "de") else ["m1", "f4"]
        sounds = [voices.sound(usual._replace(language=language, voice=voice))[0] for voice in of]
        assert len({each.tobytes() for each in sounds}) == len(of), language
        assert all(2000 < len(each) < 22_050 and 0.05 < np.abs(each).max() <= 1 for each in sounds)
    low, high = (voices.sound(usual._replace(pitch=pitch))[0] for pitch in voices.PITCH)
    assert low.tobytes() != high.tobytes()
    slow, fast = (len(voices.sound(usual._replace(words_per_minute=speed))[0]) for speed in voices.WORDS_PER_MINUTE)
    assert slow > 1.2 * fast


def test_espeak_that_is_absent_or_does_not_know_a_voice(monkeypatch, tmp_path):
    if shutil.which("espeak-ng"):
        with pytest.raises(InputError, match=r"^espeak-ng: "):
            voices.sound(voices.Spoken(0, "nobody", "xx", 150, 50, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="espeak-ng is not installed: 'apt-get install espeak-ng' brings it"):
        voices.espeak_version()


def test_a_set_without_each_digit_is_refused(tmp_path):
    with pytest.raises(InputError, match="test is 19, expected 20 to 10,000,000"):
        spoken_digits.make_spoken_digits(tmp_path / "x.zarr", train=20, test=19)


@needs_all
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of lauscher and of what it imports
def test_from_speech_to_task_and_on_where_it_stopped(tmp_path, monkeypatch):
    """Of clips that are there already none is made again, and all are in the files as they were made."""
    monkeypatch.setattr(spoken_digits, "Cochlea", lambda folder: cochlea.Cochlea(folder, 20))
    out, folder = tmp_path / "digits.zarr", tmp_path / "digits_files"
    monkeypatch.setattr(spoken_digits.shd, "write_file", stop := _Stop())
    with pytest.raises(KeyboardInterrupt):
        spoken_digits.make_spoken_digits(out, train=20, test=20, seed=2, threads=2)
    assert len([*folder.glob("clips/*.npz")]) == 40 and not out.exists()
    missing = folder / "clips" / "test-000003.npz"
    with np.load(missing) as kept:
        before = kept["time_s"]
    missing.unlink()
    made = []
    sound = voices.sound
    monkeypatch.setattr(spoken_digits.voices, "sound", lambda of: made.append(of) or sound(of))
    monkeypatch.setattr(spoken_digits.shd, "write_file", stop.before)
    with pytest.raises(InputError, match="holds parts of another seed, size or version"):
        spoken_digits.make_spoken_digits(out, train=20, test=20, seed=3)
    ds = spoken_digits.make_spoken_digits(out, train=20, test=20, seed=2, threads=2)
    assert len(made) == 1
    assert ds.split.values.tolist() == ["train"] * 20 + ["test"] * 20 and "SHD" not in ds.attrs["title"]
    part = slice(*ds.start.values[23:25])
    assert np.array_equal(ds.event_time_s[part], before)
    about = json.loads(ds.attrs["provenance"])
    assert about["seed"] == 2 and about["lauscher"] and "eSpeak NG" in about["espeak"]
    assert sorted(each.name for each in folder.iterdir()) == [
        "recipe.json", "spoken_digits_test.h5", "spoken_digits_train.h5",
    ]  # fmt: skip


class _Stop:
    def __init__(self):
        self.before = shd.write_file

    def __call__(self, *arguments, **options):
        raise KeyboardInterrupt
