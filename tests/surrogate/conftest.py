"""A made-up dataset with dendritic voltages; Triton, imported so that it can be interpreted."""

from contextlib import suppress

import numpy as np
import pytest
import torch
import zarr

from apical.simulate import schema

# Whether Triton interprets is settled where it is first imported, and parts of PyTorch that other tests use import it;
# for a kernel it is where the kernel is, and other tests import every module
with pytest.MonkeyPatch.context() as at_import, suppress(ImportError):
    if not torch.cuda.is_available():
        at_import.setenv("TRITON_INTERPRET", "1")
    import apical.surrogate.kernels.population_gpu_kernels
    import apical.surrogate.kernels.recurrence.gpu_kernels
    import apical.surrogate.kernels.recurrence.network_gpu.gpu_kernels
    import apical.surrogate.kernels.recurrence.network_gpu.output_gpu_kernels  # noqa: F401


@pytest.fixture
def poisoned():
    """What is not written holds NaN, so that nothing can lean on what memory happened to hold."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory and torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def threads():
    """Sets how many PyTorch and the kernels have."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def make_dendrites(make_dataset):
    """`make_dataset`, with a voltage per segment: three hidden signals mixed, some noise, some dendritic spikes."""

    def make(n_signals=3, noise_mv=0.5, **options):
        path = make_dataset(**options)
        group = zarr.open_group(path, mode="r+")
        (n_trials, duration_ms), n_synapses = group["soma_v_mv"].shape, group["synapse_sign"].shape[0]
        rng = np.random.default_rng(1)
        signals = rng.normal(size=(n_trials, n_signals, duration_ms))
        mixing = rng.normal(size=(n_synapses // 2, n_signals)) * 15
        v_mv = -60 + mixing @ signals + noise_mv * rng.normal(size=(n_trials, n_synapses // 2, duration_ms))
        spec = schema.VARIABLES["dendrite_v_mv"]
        array = group.create_array(
            "dendrite_v_mv",
            shape=v_mv.shape,
            chunks=(1, *v_mv.shape[1:]),
            dtype="f4",
            dimension_names=spec.dims,
            attributes={"units": spec.units, "long_name": spec.long_name},
        )
        array[...] = v_mv.astype("f4")
        schema.commit(path)
        return path

    return make
