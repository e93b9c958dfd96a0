"""ListOps: values against an evaluation of the text in another style, and the published grammar and limits."""

import statistics

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks import open_task
from apical.tasks.schema import vocabulary
from apical.tasks.sources import listops
from apical.tasks.sources.lra_listops import import_listops

OPERATIONS = {
    "MIN": min,
    "MAX": max,
    "MED": lambda each: int(statistics.median(each)),
    "SM": lambda each: sum(each) % 10,
}


def evaluated(words):
    """By a stack; also the depth, and the numbers of arguments."""
    stack, depth, arguments = [], 0, []
    for word in words:
        if word != "X":
            stack.append(int(word) if word.isdigit() else word)
            depth = max(depth, sum(isinstance(each, str) for each in stack))
            continue
        values = []
        while isinstance(stack[-1], int):
            values.append(stack.pop())
        arguments.append(len(values))
        stack.append(OPERATIONS[stack.pop()](values))
    assert len(stack) == 1
    return stack[0], depth, arguments


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("listops") / "l.zarr"
    return listops.make_listops(path, train=150, validation=10, test=20, workers=1)


def sequences(ds):
    words = np.array(vocabulary(ds))
    return [words[each].tolist() for each in np.split(ds.token.values, ds.start.values[1:-1])]


def test_values_grammar_and_limits(made):
    found = [evaluated(words) for words in sequences(made)]
    assert [value for value, _, _ in found] == made.label.values.tolist()
    length = np.diff(made.start.values)
    assert length.min() > 500 and length.max() < 2000
    assert max(depth for _, depth, _ in found) == 9  # operators above one another: digits are at depth 10
    arguments = np.concatenate([each for _, _, each in found])
    assert arguments.min() == 2 and arguments.max() == 10
    assert {*np.concatenate(sequences(made))} == {*listops.VOCABULARY}
    assert len({each.tobytes() for each in np.split(made.token.values, made.start.values[1:-1])}) == 180
    assert np.unique(made.split.values.astype("U16"), return_counts=True)[1].tolist() == [20, 150, 10]


def test_an_operator_is_one_node_in_four_and_each_is_as_frequent():
    """Without the limits, which prefer large trees: children of the root."""
    rng = np.random.default_rng(0)
    chance = listops._Chance(rng)
    first = []
    for _ in range(4000):
        tokens = []
        listops._grow(chance, tokens, 1, 10_000)
        first.append(tokens[0])
    count = np.bincount(first, minlength=15)
    assert abs(count[10:14].sum() - 1000) < 4.5 * np.sqrt(4000 * 0.25 * 0.75)
    assert np.abs(count[10:14] - 250).max() < 4.5 * np.sqrt(250) and np.abs(count[:10] - 300).max() < 4.5 * np.sqrt(300)


@pytest.mark.parametrize(
    ("operator", "values", "value"),
    [(0, [3, 1], 1), (1, [3, 1], 3), (2, [1, 2, 8], 2), (2, [1, 2], 1), (2, [1, 9, 4, 6], 5), (3, [9, 8, 7], 4)],
)
def test_operators_by_hand(operator, values, value):
    assert listops.applied(operator, values) == value


def test_no_two_are_alike_though_there_are_few(tmp_path):
    """Of 4 to 6 tokens there are many alike: each is drawn anew, and still has its value."""
    ds = listops.make_listops(tmp_path / "few.zarr", train=400, validation=0, test=20, longer_than=3, shorter_than=9,
                              workers=1)  # fmt: skip
    words = sequences(ds)
    assert len({tuple(each) for each in words}) == 420
    assert [evaluated(each)[0] for each in words] == ds.label.values.tolist()


def test_a_stopped_run_goes_on_to_the_same_task(tmp_path, monkeypatch):
    monkeypatch.setattr(listops, "PER_BLOCK", 10)
    sizes = {"train": 40, "validation": 0, "test": 20, "longer_than": 3, "shorter_than": 60, "workers": 1}
    whole = listops.make_listops(tmp_path / "a.zarr", **sizes).load()
    block, calls = listops.make_block, []

    def stops(number, *arguments):
        calls.append(number)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return block(number, *arguments)

    monkeypatch.setattr(listops, "make_block", stops)
    with pytest.raises(KeyboardInterrupt):
        listops.make_listops(tmp_path / "b.zarr", **sizes)
    with pytest.raises(InputError, match="b_parts: holds parts of another seed, size or version"):
        listops.make_listops(tmp_path / "b.zarr", **sizes, seed=1)
    again = listops.make_listops(tmp_path / "b.zarr", **sizes).load()
    assert calls == [0, 1, 2, 2, 3, 4, 5]
    assert again.equals(whole) and sorted(each.name for each in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_limits_that_leave_no_room(tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match="more than 500 and fewer than 400 leaves no room below 100000; the published limits are 500"
    ):
        listops.make_listops(tmp_path / "x.zarr", shorter_than=400)
    monkeypatch.setattr(listops, "expression", lambda *arguments: ([3], 3))
    with pytest.raises(InputError, match="fewer than 6 leaves too few expressions; allow longer ones"):
        listops.make_listops(tmp_path / "x.zarr", train=2, validation=0, test=1, longer_than=0, shorter_than=6)


def test_the_released_files_are_read(tmp_path):
    lines = ["Source\tTarget", "( ( ( [MIN 3 ) 4 ) ] )\t3", "( ( ( ( [SM 9 ) 8 ) ( ( ( [MED 1 ) 2 ) ] ) ) ] )\t8"]
    digits = [f"( ( ( [MAX {each} ) 0 ) ] )\t{each}" for each in range(10)]
    for name in ("basic_train.tsv", "basic_val.tsv", "basic_test.tsv"):
        (tmp_path / name).write_text("\n".join(lines + digits) + "\n")
    ds = import_listops(tmp_path, tmp_path / "l.zarr")
    assert ds.sizes["sequence"] == 36
    assert [" ".join(each) for each in sequences(ds)[:2]] == ["MIN 3 4 X", "SM 9 8 MED 1 2 X X"]
    assert [evaluated(each)[0] for each in sequences(ds)] == ds.label.values.tolist()
    assert open_task(tmp_path / "l.zarr").split.values[12] == "validation"
    for line, said in (("( [MEAN 3 ] )\t3", "line 1 has '\\[MEAN', which is no token of ListOps"),
                       ("( [MIN 3 ] )\tx", "line 1 has label 'x', expected 0 to 9"),
                       ("( [MIN 3 ] )", "line 1 has 1 fields between tabs, expected 2")):  # fmt: skip
        (tmp_path / "basic_train.tsv").write_text(line)
        with pytest.raises(InputError, match=said):
            import_listops(tmp_path, tmp_path / "m.zarr")
