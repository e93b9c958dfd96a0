"""Where the runs of a sweep are computed: processes that know their number, one for each GPU if there are several."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from apical.cli.spreading import spread_over
from apical.simulate.schema import InputError


def test_workers_of_our_own_are_counted():
    with spread_over(2, None, lambda message: nullcontext()) as spread:
        places = [found["place"] for _, found in spread(dict, [()] * 6)]
    assert {*places} <= {0, 1}
    assert {type(place) for place in places} == {int}


@pytest.mark.parametrize(
    ("count", "arguments", "workers"),
    [
        (2, "", 2),
        (2, "--workers 0", 0),
        (2, "--workers 5", 5),
        (1, "", 0),
        (2, "--device cuda:1", 0),
        (2, "--device cpu", 0),
    ],
)
def test_a_sweep_has_a_process_for_each_gpu(apical, monkeypatch, count, arguments, workers):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    asked = []

    def spread_over(workers, scheduler, busy):
        asked.append(workers)
        raise InputError("enough")

    monkeypatch.setattr("apical.cli.spreading.spread_over", spread_over)
    assert apical(f"sweep data-efficiency data.zarr --out new {arguments}").status == 2
    assert asked == [workers]
