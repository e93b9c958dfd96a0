"""A neuron that takes no time and a cluster in this process: for tests of what is around a trial."""

from __future__ import annotations

import pytest


@pytest.fixture
def quick():
    """A neuron that takes no time: leaky integrate-and-fire."""
    from apical.simulate import config

    return config.preset("lif").model_copy(update={"seconds": 0.12, "seed": 5})


@pytest.fixture
def here():
    """Address of a scheduler with a worker in this process, so that a test can have things go wrong in it."""
    from distributed import LocalCluster

    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "memory_limit": 0, "protocol": "tcp"}
    with LocalCluster(**options, dashboard_address="127.0.0.1:0") as running:
        yield running.scheduler_address
