"""What several test files share: a small made-up dataset that obeys the schema, and where the shared material is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

# A soma with one basal and one apical dendrite: a cell that simulates in a moment
SWC = """\
1 1 0 0 0 8 -1
2 1 0 8 0 8 1
3 1 0 -8 0 8 1
4 3 0 -20 0 1 3
5 3 0 -120 0 1 4
6 {apical} 0 20 0 2 2
7 {apical} 0 420 0 1 6
"""
SHARED = Path(os.environ.get("APICAL_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared():
    """Folder of reference material; tests that need a file of it skip where it is absent."""

    def find(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"{path} is not there (set APICAL_SHARED to the shared folder)")
        return path

    return find


@pytest.fixture(scope="session")
def write_dataset():
    """A function that writes a small made-up simulation: a leaky integrator with threshold over random input."""

    def write(path: Path, n_trials=6, n_segments=8, duration_ms=1500, seed=0, silent=False, **attrs) -> Path:
        from apical.simulate import schema

        rng = np.random.default_rng(seed)
        sign = np.repeat([1, -1], n_segments)
        schema.create(
            path,
            "simulation",
            {"input_spikes": bool, "soma_v_mv": "f4", "output_spike_time_ms": "f8"},
            {
                "trial": np.arange(n_trials),
                "time_ms": np.arange(duration_ms),
                "source_file": np.array(["made-up"] * n_trials),
                "synapse_sign": sign.astype("i1"),
                "synapse_receptor": np.where(sign > 0, "AMPA_NMDA", "GABA_A"),
                "synapse_segment": np.tile(np.arange(n_segments), 2),
                "segment_type": np.where(np.arange(n_segments) < n_segments // 2, "basal", "apical"),
                "segment_section": np.arange(n_segments),
                "segment_x": np.full(n_segments, 0.5),
                "segment_distance_um": np.linspace(10, 800, n_segments),
                "segment_length_um": np.full(n_segments, 20.0),
            },
            n_spike=200,
            dataset_id=f"made-up-{seed}-{n_segments}",
            config={"seed": seed},
            provenance={"made_by": "tests"},
            **attrs,
        )
        for trial in range(n_trials):
            spikes = rng.random((2 * n_segments, duration_ms)) < 0.03
            drive = sign @ spikes + 0.15
            v, v_mv, times = 0.0, np.empty(duration_ms, "f4"), []
            for t in range(duration_ms):
                v = 0.95 * v + drive[t]
                v_mv[t] = -68 + 2.5 * v
                if v > 4 and not silent and (not times or t - times[-1] > 20):
                    times.append(t)
                    v = -2.0
            row = np.full(200, np.nan)
            row[: len(times)] = np.array(times) + 0.625
            schema.write_trial(path, trial, {"input_spikes": spikes, "soma_v_mv": v_mv, "output_spike_time_ms": row})
        return path

    return write


@pytest.fixture
def make_dataset(tmp_path, write_dataset):
    """`write_dataset` into the test's own folder."""

    def make(name="truth.zarr", **what) -> Path:
        return write_dataset(tmp_path / name, **what)

    return make


@pytest.fixture
def swc(tmp_path):
    """A function that writes a soma with one basal and one apical dendrite as an SWC file."""

    def write(name: str = "mine.swc", apical: int = 4):
        path = tmp_path / name
        path.write_text(SWC.format(apical=apical))
        return path

    return write


@pytest.fixture(scope="session")
def lasting_swc(tmp_path_factory):
    """The same cell as an SWC file that every test may use."""
    path = tmp_path_factory.mktemp("cell") / "mine.swc"
    path.write_text(SWC.format(apical=4))
    return path
