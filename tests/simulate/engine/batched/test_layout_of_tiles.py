"""How a tile lies on a GPU, worked by hand for the memory of a multiprocessor of an H200 and of smaller ones."""

from __future__ import annotations

import pytest

from apical.simulate.engine.batched.layout import RESERVED_BYTES, Layout, layout

KB = 1024
H200 = {
    "MaxRegistersPerMultiprocessor": 65536,
    "MaxSharedMemoryPerMultiprocessor": 228 * KB,
    "MaxSharedMemoryPerBlockOptin": 227 * KB,
}
SMALL = H200 | {"MaxSharedMemoryPerMultiprocessor": 100 * KB, "MaxSharedMemoryPerBlockOptin": 99 * KB}


@pytest.mark.parametrize(
    ("trial_bytes", "real_bytes", "of_gpu", "expected"),
    [
        (48_656, 4, H200, Layout(2, 256, 2, True)),  # ttpc1: four of them fill it
        (97_312, 8, H200, Layout(1, 256, 2, True)),
        (37 * KB, 4, H200, Layout(2, 160, 3, True)),  # 320 threads of three blocks: 341 in whole warps
        (200 * KB, 4, H200, Layout(1, 1024, 1, True)),  # one at a time
        (1 * KB, 4, H200, Layout(32, 5, 6, True)),  # 1024 / 6 = 170, in whole warps 160
        (228 * KB, 4, H200, Layout(32, 8, 4, False)),
        (228 * KB, 8, H200, Layout(32, 8, 2, False)),
        (48_656, 4, SMALL, Layout(1, 512, 2, True)),
        (97_312, 8, SMALL, Layout(1, 512, 1, True)),
        (1 * KB, 4, {"MaxRegistersPerMultiprocessor": 65536}, Layout(32, 8, 4, False)),  # a GPU that does not say
    ],
)
def test_layouts(trial_bytes, real_bytes, of_gpu, expected):
    assert layout(trial_bytes, real_bytes, of_gpu) == expected


@pytest.mark.parametrize("real_bytes", [4, 8])
def test_blocks_of_a_multiprocessor_fit(real_bytes):
    for trial_bytes in range(100, 240_000, 997):
        each = layout(trial_bytes, real_bytes, H200)
        assert each.width >= 1
        assert each.lanes * each.width <= 1024
        threads = each.blocks * each.lanes * each.width
        assert threads % 32 == 0
        assert threads * 16 * real_bytes <= 65536, "64 registers a thread, 128 in 64 bits"
        if each.on_chip:
            assert each.blocks * (each.lanes * trial_bytes + RESERVED_BYTES) <= 228 * KB
            assert each.lanes * trial_bytes <= 227 * KB
        else:
            assert trial_bytes > 227 * KB
