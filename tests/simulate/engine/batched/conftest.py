"""A CuPy without a GPU, and a cell that it integrates in no time."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from apical.simulate import presets
from apical.simulate.engine.batched import devices, gpu
from apical.simulate.engine.batched.layout import Layout
from apical.simulate.engine.interface import Integration

PRETEND = Path(__file__).parents[4] / "benchmarks" / "gpu" / "pretend"
TILE = 2  # trials; a GPU's has 32, which would take seconds here


def forget() -> None:
    """The devices of the last test."""
    gpu.gpus.cache_clear()
    devices._one.cache_clear()


@pytest.fixture
def cupy(monkeypatch):
    """A module of CuPy's name whose one GPU is this processor."""
    made = {}
    for name in ("cupy", "cupyx"):
        spec = importlib.util.spec_from_file_location(name, PRETEND / f"{name}.py")
        made[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made[name])
        monkeypatch.setitem(sys.modules, name, made[name])
    forget()
    monkeypatch.setattr(gpu, "layout", lambda *given: Layout(TILE, 8, 1, False))
    yield made["cupy"]
    forget()


@pytest.fixture
def cell(lasting_swc):
    integration = Integration(engine="batched", precision="float64", dt_ms=0.05)
    changes = {"morphology": str(lasting_swc), "seconds": 0.03, "integration": integration}
    return presets.nmda().model_copy(update=changes)
