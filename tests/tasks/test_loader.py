"""Batches against a plain loop over the dataset's own variables, and the published conventions by hand."""

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks import Batches, Text, open_task, toy
from apical.tasks import loader as loader_module
from apical.tasks.binning import binned, edges_s, n_bins
from apical.tasks.store import Block, write_task


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    for form in ("events", "tokens", "vectors"):
        toy(folder / form, form, train=60, test=20)
    toy(folder / "towers", towers=2, train=60, test=20)
    return folder


def plain_counts(ds, sequence, step_s, n_channels=40):
    """The published loop: edges, digitize − 1, one bin more than there is, dropped."""
    begin, end = ds.start.values[sequence : sequence + 2]
    edges = np.arange(0, 1 + step_s, step_s)
    x_tc = np.zeros((len(edges), n_channels))
    for time, channel in zip(ds.event_time_s.values[begin:end], ds.event_channel.values[begin:end], strict=True):
        x_tc[np.digitize(time, edges) - 1, channel] += 1
    return x_tc[:-1]


@pytest.mark.parametrize("bin_ms", [1, 2, 6, 7.5, 50, 100, 1000])
def test_bins_are_the_published_ones(tasks, bin_ms):
    ds = open_task(tasks / "events")
    batch = Batches(ds, "test", batch=20, bin_ms=bin_ms).draw(0)
    for b, (sequence,) in enumerate(batch.sequence_bk):
        assert np.array_equal(batch.inputs.dense()[b], plain_counts(ds, sequence, bin_ms / 1000))
    some = Batches(ds, "test", batch=20, bin_ms=bin_ms, counting="any").draw(0).inputs.dense()
    assert np.array_equal(some, batch.inputs.dense() > 0)
    assert np.array_equal(batch.label_b, ds.label.values[60:])


def test_an_event_on_an_edge_and_one_after_the_end():
    bins, channel, value = binned(np.array([0, 0.5, 0.5, 1.0, 1.2]), np.array([3, 0, 0, 0, 1]), 4, edges_s(1, 500))
    assert [*zip(bins, channel, value, strict=True)] == [(0, 3, 1), (1, 0, 2)]
    assert n_bins(1, 2) == 500


@pytest.mark.parametrize("form", ["events", "tokens", "vectors", "towers"])
def test_batches_do_not_depend_on_threads_or_memory(tasks, form):
    what = {"batch": 8, "seed": 3} | ({"bin_ms": 10} if form == "events" else {})
    first = [*Batches(tasks / form, **what).steps(range(17))]
    again = [*Batches(tasks / form, **what, threads=3, in_memory_bytes=0).steps(range(17))]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.inputs.dense(), b.inputs.dense())
        assert np.array_equal(a.sequence_bk, b.sequence_bk)
        if form == "towers":
            assert np.array_equal(a.second.dense(), b.second.dense())
    other = Batches(tasks / form, **(what | {"seed": 4})).draw(0)
    assert not np.array_equal(first[0].sequence_bk, other.sequence_bk)


def test_an_epoch_has_each_sequence_once_and_the_next_another_order(tasks):
    batches = Batches(tasks / "tokens", batch=10, held_out=0)
    epochs = [
        np.concatenate([each.sequence_bk[:, 0] for each in batches.steps(range(6 * e, 6 * e + 6))]) for e in (0, 1)
    ]
    assert [*map(sorted, epochs)] == [[*range(60)]] * 2
    assert not np.array_equal(*epochs)
    parts = [
        {int(i) for each in Batches(tasks / "tokens", split, batch=1) for i in each.sequence_bk[:, 0]}
        for split in ("train", "validation", "test")
    ]
    assert parts[0] | parts[1] == set(range(60)) and not parts[0] & parts[1] and parts[2] == set(range(60, 80))


def test_tokens_vectors_and_levels(tasks):
    tokens, vectors = open_task(tasks / "tokens"), open_task(tasks / "vectors")
    batch = Batches(tokens, "test", batch=20).draw(0)
    start = tokens.start.values[60:]
    for b in range(20):
        own = tokens.token.values[start[b] : start[b + 1]]
        assert batch.inputs.length_b[b] == len(own)
        assert np.array_equal(batch.inputs.token_bt[b, : len(own)], own)
        assert np.array_equal(batch.inputs.dense()[b, : len(own)].argmax(1), own)
        assert not batch.inputs.dense()[b, len(own) :].any()
    value = vectors.value.values[vectors.start.values[60] :].reshape(20, -1)
    dense = Batches(vectors, "test", batch=20).draw(0).inputs.dense()
    assert dense.dtype == np.float32
    assert np.allclose(dense[..., 0], value / 255)
    levels = Batches(vectors, "test", batch=20, levels=16).draw(0).inputs
    assert levels.shape[2] == 16
    assert np.array_equal(levels.dense().argmax(2), value // 16)


def test_sums_are_two_clips_one_after_the_other(tasks):
    ds = open_task(tasks / "events")
    batches = Batches(ds, "test", batch=4, bin_ms=10, adding=True)
    single = Batches(ds, "test", batch=20, bin_ms=10).draw(0).inputs.dense()
    batch = batches.draw(2)
    for b, (first, second) in enumerate(batch.sequence_bk):
        assert np.array_equal(batch.inputs.dense()[b], np.concatenate([single[first - 60], single[second - 60]]))
        assert batch.label_b[b] == ds.label.values[first] % 10 + ds.label.values[second] % 10
    assert len(batches.class_names) == 19
    assert [Batches(ds, s, batch=8, bin_ms=10, adding=True).n_items for s in ("train", "validation", "test")] == [
        16_000,
        4_000,
        16_000,
    ]


def test_sums_are_drawn_as_published(tasks):
    """Uniform with replacement: 9 is right one time in ten; training clips and those for validation are apart."""
    all_of = {
        split: Batches(tasks / "events", split, batch=1000, bin_ms=100, adding=True)._items(0)
        for split in ("train", "validation", "test")
    }
    assert {*all_of["train"].ravel()}.isdisjoint({*all_of["validation"].ravel()})
    label = open_task(tasks / "events").label.values
    sums = label[all_of["test"]].sum(axis=1)
    expected = np.convolve(np.full(10, 0.1), np.full(10, 0.1))
    assert np.abs(np.bincount(sums, minlength=19) / 16_000 - expected).max() < 4 * np.sqrt(0.1 * 0.9 / 16_000)
    train = Batches(tasks / "events", batch=8, bin_ms=100, adding=True)
    assert not np.array_equal(train.draw(0).sequence_bk, train.draw(len(train)).sequence_bk)


def text(path, string, **what):
    letters = sorted(set(string))
    tokens = np.array([letters.index(each) for each in string], "u1")
    parts = {"length": np.array([60, len(tokens) - 60]), "token": tokens}
    return write_task(
        path, [Block([], ["train", "train"], [parts])], form="tokens", target="next", title="text",
        n_channels=len(letters), vocabulary=letters, licence="none needed", provenance={},
    )  # fmt: skip


def test_text_goes_on_where_the_last_batch_ended(tmp_path):
    string = "".join(chr(97 + each) for each in np.random.default_rng(0).integers(26, size=203))
    ds = text(tmp_path / "text", string)
    batches = Text(ds, batch=2, window=25)
    assert len(batches) == 4
    letters = np.array(sorted(set(string)))
    read = ["".join(letters[np.concatenate([each.inputs.token_bt[b] for each in batches])]) for b in (0, 1)]
    following = ["".join(letters[np.concatenate([each.next_bt[b] for each in batches])]) for b in (0, 1)]
    assert read == [string[:100], string[101:201]]
    assert following == [string[1:101], string[102:202]]
    assert [each.fresh for each in batches.steps(range(5))] == [True, False, False, False, True]
    threads = Text(tmp_path / "text", batch=2, window=25, threads=2, in_memory_bytes=0)
    assert all(np.array_equal(a.next_bt, b.next_bt) for a, b in zip(batches, threads, strict=True))
    with pytest.raises(InputError, match=r"'train' has 203 tokens, 8 streams of windows of 100 need 801"):
        Text(ds, batch=8, window=100)
    with pytest.raises(InputError, match="asks for the next token"):
        Batches(ds, batch=2)


@pytest.mark.parametrize(
    ("form", "what", "said"),
    [
        ("events", {"bin_ms": 2000}, "bin_ms is 2000, but a clip has 1000 ms: choose narrower bins"),
        ("events", {"bin_ms": 0}, "bin_ms is 0, expected more than 0"),
        ("events", {}, "needs a bin_ms, such as 2"),
        ("tokens", {"bin_ms": 2}, "is of tokens, which take no bin_ms"),
        ("tokens", {"adding": True}, "digits are added of events in 10 or 20 classes"),
        ("tokens", {"levels": 16}, "levels is 16; grey levels, 2 to 256, are of bytes in one channel"),
        ("tokens", {"split": "dev"}, "split 'dev' is not known; there are train, validation, test"),
        ("tokens", {"held_out": 0, "split": "validation"}, "has no sequence for 'validation'"),
        ("tokens", {"batch": 100}, "training sequences, fewer than a batch of 100"),
        ("tokens", {"batch": 0}, "batch is 0, expected 1 or more"),
    ],
)
def test_what_does_not_fit_is_one_line(tasks, form, what, said):
    with pytest.raises(InputError) as error:
        Batches(tasks / form, **({"batch": 8} | what))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_batch_that_memory_does_not_allow(tasks, monkeypatch):
    monkeypatch.setattr(loader_module, "_free_bytes", lambda: 10_000)
    with pytest.raises(InputError, match=r"a batch of 8 × 60 steps × 11 channels takes 0.0 GiB.* take a smaller batch"):
        Batches(tasks / "tokens", batch=8)
