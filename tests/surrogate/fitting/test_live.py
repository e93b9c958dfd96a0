"""A fit to trials in the making: each is seen as often as is said, few are in memory, and it resumes to the bit."""

import json
from collections import Counter

import numpy as np
import pytest

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import fit
from apical.surrogate.fitting.live import Rolling, Schedule, check_plan
from apical.surrogate.fitting.live_plan import LivePlan
from apical.surrogate.fitting.recipe import FitConfig, quick
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.windows import draw_windows, load_trials
from apical.surrogate.use.checkpoint import load_run
from apical.surrogate.use.predict import predict

PLAN = LivePlan(window=6, seen=3, validation_trials=2, test_trials=2)
SEED = 11  # of what is simulated


class Made:
    """Trials of a store, as if they were made when they are asked for; those of `wrong` go wrong."""

    dataset_id = "live-id"

    def __init__(self, path, wrong=(), free=10**9, settings=None):
        ds = schema.open_dataset(path)
        self._trains, self._v_mv = schema.EventStore(path), schema.read(ds, "soma_v_mv")
        self._times_ms = schema.output_spike_times_ms(ds)
        self._wrong, self._free, self.settings = wrong, free, settings or {"seed": SEED}
        self.begun, self.taken, self.prepared = [], [], None

    def prepare(self, trials):
        self.prepared = trials

    def start(self, numbers):
        self.begun.append([*numbers])

    def take(self, numbers):
        assert [*numbers] in self.begun, "nobody began them"
        self.taken.append([*numbers])
        return ["the voltage ran away" if n in self._wrong else self._made(n % len(self._v_mv)) for n in numbers]

    def _made(self, at):
        times_ms = self._times_ms[at]
        content = {"trains": self._trains.read(at), "soma_v_mv": self._v_mv[at]}
        return type("One", (), content | {"output_spike_time_ms": times_ms[np.isfinite(times_ms)]})

    def free_bytes(self):
        return self._free


def settings(**changes):
    fields = {"steps": 8, "batch": 3, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
    return FitConfig(**({"family": "elm", "size": 2, "options": {"n_branches": 4}} | fields | changes))


@pytest.fixture
def store(make_dataset):
    """What trials are made of, as many as eight steps of three windows see."""
    return make_dataset("made.zarr", seed=3, n_trials=8)


@pytest.fixture
def held_out(make_dataset):
    """Four trials of another seed, which say so."""
    import zarr

    path = make_dataset("held-out.zarr", seed=4, n_trials=4)
    group, spec = zarr.open_group(path, mode="r+"), schema.COORDINATES["trial_seed"]
    array = group.create_array("trial_seed", shape=(4,), dtype="i8", dimension_names=spec.dims)
    array.attrs.update({"units": spec.units, "long_name": spec.long_name})
    array[:] = 99
    schema.commit(path, dict(group.attrs) | {"coordinates": f"{group.attrs['coordinates']} trial_seed"})
    return path


@pytest.mark.parametrize(
    "window, seen, steps, batch",
    [(6, 3, 8, 3), (12, 4, 30, 4), (8, 8, 10, 8), (5, 1, 4, 5), (20, 2, 7, 40), (6, 2, 9, 8)],
)
def test_every_trial_is_seen_so_often_and_few_are_there(window, seen, steps, batch):
    plan = LivePlan(window=window, seen=seen)
    schedule = Schedule(plan, steps=steps, batch=batch, seed=1)
    drawn = [schedule.of(step) for step in range(steps)]
    assert [len(each) for each in drawn] == [batch] * steps
    left_over = schedule.trials * seen - steps * batch
    assert 0 <= left_over < window, "trials that nobody sees"
    counts = Counter(np.concatenate(drawn).tolist())
    if not left_over:
        assert counts == dict.fromkeys(range(schedule.trials), seen)
    assert max(counts.values()) <= seen and sum(seen - n for n in counts.values()) <= left_over
    for step, trials in enumerate(drawn):
        needed, rounds = schedule.needed(step), schedule.rounds(step)
        assert {*trials // plan.chunk} <= {*needed}
        assert len(needed) <= seen + len(rounds) - 1  # a window, and a chunk for each round that a batch goes beyond


def test_a_round_sees_each_of_its_trials_once_in_an_order_of_the_seed():
    schedule, other = (Schedule(PLAN, steps=8, batch=3, seed=seed) for seed in (1, 2))
    visits = np.concatenate([schedule.of(step) for step in range(8)])
    ends = [2, 6, 12, 18, 22, 24]  # the window fills up, chunk by chunk of two, and empties
    rounds = [sorted(each.tolist()) for each in np.split(visits, ends[:-1])]
    assert rounds == [[0, 1], [*range(4)], [*range(6)], [*range(2, 8)], [*range(4, 8)], [6, 7]]
    assert any((schedule.of(step) != other.of(step)).any() for step in range(8))


def rolling(source, plan=PLAN, say=None, steps=8):
    schedule = Schedule(plan, steps=steps, batch=3, seed=0)
    return Rolling(source, schedule, plan, np.repeat([1, -1], 8), 1500, None, say)


def test_the_windows_are_those_of_the_trials(store):
    """Input, labels and voltage: as a store of the same trials has them."""
    source = Made(store)
    live, whole = rolling(source).trials, load_trials(schema.open_dataset(store), [*range(8)], VoltageScaling())
    size = {"window_ms": 1000, "batch": 3, "seed": 0}  # the only window of a trial
    for step in range(8):
        batch = draw_windows(live, **size, step=step)
        at = live.schedule.of(step)
        assert (batch.spike_bw.numpy() == whole.spike_bt[at, 500:]).all()
        assert (batch.voltage_bw.numpy() == whole.voltage_bt[at, 500:]).all()
        expected = [whole.inputs[n].trains.window(500, 1000) for n in at]
        assert [*np.bincount(batch.events.row_n // 1000)] == [len(synapse) for _, synapse in expected]
    assert source.taken == [[0, 1], [2, 3], [4, 5], [6, 7]], "each is made once, in order"


def test_the_next_are_made_meanwhile_and_the_oldest_leave(store):
    source = Made(store)
    live = rolling(source)
    most = 0
    for step in range(8):
        live.of(step)
        most = max(most, len(live._held))
        begun = {n for numbers in source.begun for n in numbers}
        following = {2 * (live._schedule.needed(step)[-1] + 1)} & {*range(8)}
        assert following <= begun
    assert most <= PLAN.seen + 1
    with pytest.raises(KeyError):
        live.trial(0)


def test_a_trial_that_went_wrong_is_replaced_and_told_of(store):
    said = []
    live = rolling(Made(store, wrong={1, 4}), say=said.append)
    for step in range(8):
        live.of(step)
        if live._schedule.needed(step)[0] == 0:
            assert (
                live.trial(1) is not None
                and live.trial(1)[0].trains.synapse_n.shape == live.trial(0)[0].trains.synapse_n.shape
            )
    assert said == [
        "trial 1 went wrong (the voltage ran away): trial 0 is seen in its place",
        "trial 4 went wrong (the voltage ran away): trial 5 is seen in its place",
    ]


class Stop(Exception):
    pass


def stop_at(step):
    def report(progress):
        if progress.step == step:
            raise Stop

    return report


@pytest.mark.parametrize("stop", [1, 5])
def test_resumed_it_is_the_undisturbed_fit(store, held_out, tmp_path, stop):
    """To the bit; the trials that had left are not made again."""
    whole, options = tmp_path / "whole", {"device": "cpu"}
    fit(settings(), held_out, whole, live=Made(store), plan=PLAN, **options)
    with pytest.raises(Stop):
        fit(settings(), held_out, tmp_path / "run", live=Made(store), plan=PLAN, report=stop_at(stop), **options)
    source = Made(store)
    run = fit(None, None, tmp_path / "run", live=source, resume=True, **options)
    for name in ("weights.safetensors", "state.pt", "config.json", "README.md"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert source.taken[0] == ([0, 1] if stop == 1 else [2, 3])
    with pytest.raises(InputError, match="run: was fitted to trials made live; give `live`"):
        fit(None, None, run, resume=True)
    other = PLAN.model_copy(update={"window": 9})
    with pytest.raises(InputError, match="run: was started with window = 6, now it is 9"):
        fit(settings(), held_out, run, live=Made(store), plan=other, resume=True)


def test_what_a_run_says_of_itself(store, held_out, tmp_path):
    source = Made(store)
    run = fit(settings(), held_out, tmp_path / "run", live=source, plan=PLAN, device="cpu")
    surrogate, card = load_run(run), json.loads((run / "config.json").read_text())
    assert source.prepared == card["live"]["trials"] == surrogate.train_trials == 8
    assert surrogate.trained_on == "live-id" and card["dataset_id"] == "made-up-4-8"
    assert surrogate.splits["live-id"].train == [*range(8)]
    prediction = schema.open_dataset(predict(surrogate, held_out, tmp_path / "p.zarr"))
    assert [*prediction.part.values] == ["validation"] * 2 + ["test"] * 2
    text = (run / "README.md").read_text()
    assert "trained on | dataset live-id, each simulated for this fit and seen 3 times" in text
    assert "| trials | 8 for training, 2 for validation, 2 held out |" in text


def test_the_spike_logit_starts_at_the_rate_of_what_is_held_out(store, held_out, tmp_path):
    config = quick("lif", 1, steps=1, batch=2, window_ms=60, burn_in_ms=10, learning_rate=1e-30)
    run = load_run(fit(config, held_out, tmp_path / "run", live=Made(store), plan=PLAN, device="cpu"))
    ds = schema.open_dataset(held_out)
    rate = schema.output_spike_bins(ds)[:2].mean()
    assert run.split.validation == [0, 1] and np.isfinite(np.log(rate / (1 - rate)))


TCN = {"family": "tcn", "size": "1x2", "options": {"receptive_field_ms": 20}}
REFUSED = {
    "a store of the trials' own seed": (
        {"settings": {"seed": 99}},
        {},
        "may hold trials of seed 99, which",
    ),
    "another cell": (
        {"settings": {"seed": SEED, "passive_dendrites": True}},
        {},
        "is not of the cell that is simulated live: passive_dendrites is None, not True",
    ),
    "all trials wrong": (
        {"wrong": range(100)},
        {},
        r"live trials 0 to 1: all went wrong, the first since the volt",
    ),
    "little memory": (
        {"free": 100_000},
        {},
        r"window: 6 trials .* need 0\.00.* GB of 0\.0001 GB that are free; ",
    ),
    "no memory": ({"free": 10}, {}, "see each trial fewer times"),
    "dendrites": ({}, TCN | {"dendrite_components": 2}, "dendrite_components: a live fit has no voltages"),
}


@pytest.mark.parametrize("source, config, said", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_one_line_and_leaves_nothing(store, held_out, tmp_path, source, config, said):
    with pytest.raises(InputError, match=said) as error:
        fit(settings(**config), held_out, tmp_path / "run", live=Made(store, **source), plan=PLAN, device="cpu")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_the_window_that_fits_fits(store, held_out, tmp_path):
    """What the line advises is taken; a multiple more is not."""
    plan, free = PLAN.model_copy(update={"window": 3000}), 10**6
    with pytest.raises(InputError, match=r"give a window of \d+ at most") as error:
        fit(settings(), held_out, tmp_path / "run", live=Made(store, free=free), plan=plan, device="cpu")
    advised = int(str(error.value).rpartition("window of ")[2].split()[0])
    assert advised % PLAN.seen == 0
    for window, fine in ((advised, True), (advised + PLAN.seen, False)):
        trials = load_trials(schema.open_dataset(held_out), [0, 1], VoltageScaling())
        asked = PLAN.model_copy(update={"window": window})
        if fine:
            check_plan(asked, trials, Made(store, free=free))
        else:
            with pytest.raises(InputError, match=f"window of {advised} at most"):
                check_plan(asked, trials, Made(store, free=free))


def test_plans_and_held_out_sets_that_do_not_fit(store, held_out, tmp_path):
    with pytest.raises(InputError, match="window: is 7, expected a multiple of seen, which is 3"):
        LivePlan.checked("live fit", {"window": 7, "seen": 3})
    many = PLAN.model_copy(update={"test_trials": 20})
    with pytest.raises(InputError, match=r"held-out\.zarr: 4 finished trials, but 2 are to validate on and 20 to test"):
        fit(settings(), held_out, tmp_path / "run", live=Made(store), plan=many)
    with pytest.raises(InputError, match="with one store of what is held out"):
        fit(settings(), [held_out, store], tmp_path / "run", live=Made(store), plan=PLAN)
