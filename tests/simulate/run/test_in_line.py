"""Batches in a worker of several threads: drawn, integrated and written at once, and the same to the byte."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path

import pytest

from apical.simulate import schema
from apical.simulate.engine.interface import Unstable
from apical.simulate.mechanisms.library import announce
from apical.simulate.run import chunks, dataset, in_line
from apical.simulate.run.dask_cluster import connected
from apical.simulate.schema import InputError
from apical.simulate.trial.experiment import Experiment

TRIALS, LIMIT_S = 6, 30  # a neuron without a cell: a trial is a batch


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a store but the one that says when it was made."""
    files = (file for file in path.rglob("*") if file.is_file() and file != path / "zarr.json")
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


class Stages:
    """When a stage is entered for the n-th time; `enter` is called then, with the stage and n.

    Trials stay in the order that they are drawn in, which need not be that of their numbers: see `numbers`.
    """

    def __init__(self, monkeypatch) -> None:
        self.began: dict[tuple[str, int], threading.Event] = defaultdict(threading.Event)
        self.enter = lambda stage, trial: None
        self.in_hand, self.most, self._turn = 0, 0, threading.Lock()
        self.numbers: list[int] = []
        draw, respond, write = Experiment.draw, Experiment.respond, chunks.write
        integrated: list[int] = []

        def drawing(experiment, trials):
            with self._turn:
                self.in_hand += 1
                self.most = max(self.most, self.in_hand)
            self.numbers += trials
            self._begins("draw", len(self.numbers) - 1)
            return draw(experiment, trials)

        def responding(experiment, events, passed):
            integrated.append(len(integrated))
            self._begins("integrate", integrated[-1])
            return respond(experiment, events, passed)

        def writing(out, position, *given):
            self._begins("write", self.numbers.index(position))
            found = write(out, position, *given)
            with self._turn:
                self.in_hand -= 1
            return found

        monkeypatch.setattr(Experiment, "draw", drawing)
        monkeypatch.setattr(Experiment, "respond", responding)
        monkeypatch.setattr(chunks, "write", writing)

    def _begins(self, stage: str, n: int) -> None:
        self.began[stage, n].set()
        self.enter(stage, n)

    def wait(self, stage: str, n: int) -> None:
        assert n >= TRIALS or self.began[stage, n].wait(LIMIT_S), f"{stage} {n} has not begun"


def test_one_is_drawn_and_one_written_while_one_is_integrated(quick, here, here_in_threads, tmp_path, monkeypatch):
    """Each waits for the others: one after another, nothing would go on. And more than three are never in hand."""
    one_by_one = dataset.simulate(quick, tmp_path / "one.zarr", TRIALS, scheduler=here)
    stages = Stages(monkeypatch)

    def enter(stage: str, n: int) -> None:
        if stage == "integrate":
            stages.wait("draw", n + 1)
        elif stage == "write":
            stages.wait("integrate", n + 1)

    stages.enter = enter
    ended = []
    together = dataset.simulate(
        quick, tmp_path / "together.zarr", TRIALS, scheduler=here_in_threads, report=ended.append
    )
    assert contents(together) == contents(one_by_one)
    assert [each.done for each in ended] == list(range(1, TRIALS + 1))
    assert sorted(each.trial for each in ended) == list(range(TRIALS))
    assert stages.most == 3


@pytest.mark.parametrize("stage", ["draw", "integrate"])
def test_a_batch_that_fails_takes_none_before_it_along(quick, here_in_threads, tmp_path, monkeypatch, stage):
    """The first is not written before the second has failed; all the same it is there."""
    stages = Stages(monkeypatch)

    def enter(now: str, n: int) -> None:
        if (now, n) == (stage, 1):
            raise InputError("the GPU failed")
        if (now, n) == ("write", 0):
            stages.wait(stage, 1)

    stages.enter = enter
    out = tmp_path / "a.zarr"
    with pytest.raises(InputError, match="the GPU failed"):
        dataset.simulate(quick, out, TRIALS, scheduler=here_in_threads)
    status = schema.read(schema.open_dataset(out, complete=False), "trial_status")
    assert status[stages.numbers[:2]].tolist() == [schema.DONE, schema.PENDING]
    stages.enter = lambda *_: None
    dataset.simulate(quick, out, scheduler=here_in_threads, resume=True)
    assert (schema.read(schema.open_dataset(out), "trial_status") == schema.DONE).all()


def test_a_trial_that_runs_away_fails_alone_among_others(quick, here_in_threads, tmp_path, monkeypatch):
    respond = Experiment.respond
    first = Experiment(quick).draw([3])
    same = lambda events: all((a == b).all() if len(a) == len(b) else False for a, b in zip(*events, strict=True))  # noqa: E731
    monkeypatch.setattr(
        Experiment,
        "respond",
        lambda self, events, passed: [Unstable(5.0)] if same((events[0], first[0])) else respond(self, events, passed),
    )
    path = dataset.simulate(quick, tmp_path / "a.zarr", TRIALS, scheduler=here_in_threads)
    assert schema.read(schema.open_dataset(path), "trial_status").tolist() == [1, 1, 1, 2, 1, 1]


def test_trials_of_another_seed_among_others(quick, here, here_in_threads, tmp_path):
    paths = []
    for address in (here, here_in_threads):
        path = dataset.simulate(quick, tmp_path / f"{len(paths)}.zarr", 2, scheduler=address)
        for seed in (7, 5):
            dataset.simulate(quick.model_copy(update={"seed": seed}), path, 2, scheduler=address, append=True)
        for status in sorted((path / "trial_status" / "c").iterdir()):
            status.unlink()  # all are made again, in one run
        paths.append(dataset.simulate(quick, path, 6, scheduler=address, resume=True))
    assert contents(paths[0]) == contents(paths[1])


def test_processor_time_is_counted_once(monkeypatch):
    """Two batches that overlap, then one alone; what the process did in between is nobody's."""
    now_s = [0.0]
    monkeypatch.setattr(in_line.time, "process_time", lambda: now_s[0])
    line, told = in_line.Line(), []

    def at(s: float) -> None:
        now_s[0] = s

    at(10)
    with line.batch() as first:
        first.goes_on()
        at(12)
        with line.batch() as second:
            first.goes_on()
            at(15)
            told.append(first.cpu_s())
            second.goes_on()
            at(18)
            told.append(second.cpu_s())
    at(30)
    with line.batch() as alone:
        at(31)
        told.append(alone.cpu_s())
    assert told == [5, 3, 1]


def test_beside_a_gpu_one_process_has_a_thread_for_each_batch_in_hand():
    with connected(2, None, announce, "cuda") as client:
        assert list(client.nthreads().values()) == [3]
