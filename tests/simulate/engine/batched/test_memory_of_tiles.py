"""How many trials go to a GPU at once, worked by hand, and what is said where there is none or too little memory."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate.engine.batched import engine, gpu, memory, trials
from apical.simulate.engine.batched.cpu import Cpu
from apical.simulate.schema import InputError

STEP = SimpleNamespace(  # 100 variables, two synapses with 1 and 2 receptors
    dt_ms=0.025,
    connections=[[0], [1, 2]],
    circuit=SimpleNamespace(node_of=lambda site: 0),
    event_times=False,
    delays_ms=np.zeros(3),
    source=SimpleNamespace(
        text="",
        first_values=np.zeros(100),
        real=np.dtype("f4"),
        trial_bytes=4 * 100,
        numbers=np.zeros(1),
        indices=np.zeros(1, int),
        stream_rows=np.empty((4, 0), int),
    ),
)


def device(free_bytes=10**6, at_once=5):
    return SimpleNamespace(
        lanes=4,
        at_once=at_once,
        threads=1,
        free_bytes=lambda: free_bytes,
        current=nullcontext,
        refusal=gpu.refusal,
    )


def test_what_a_trial_needs():
    each = memory.need(STEP, n_fine=1, n_coarse=2, duration_ms=100)
    piece = 1000 * 1 + 25 * 2  # voltages of 25 ms
    spikes_per_ms = 3 * 0.03
    assert each.device == 4 * (100 + piece) + int(spikes_per_ms * 25 * 8)
    assert each.host == 4 * (4001 * 1 + 99 * 2) + int(spikes_per_ms * 100 * 12)


@pytest.mark.parametrize(
    ("devices", "host_bytes", "trials"),
    [
        ([device()], 10**9, 5 * 4),  # as many tiles as keep it busy
        ([device(), device()], 10**9, 10 * 4),
        ([device(), device(free_bytes=9_000)], 10**9, 2 * 2 * 4),  # 90 % of 9 kB hold two tiles of 4 kB, so on both
        ([device()], 24_000, 3 * 4),  # half of 24 kB holds three tiles of 4 kB
    ],
)
def test_as_many_trials_as_memory_has_room_for(devices, host_bytes, trials):
    assert memory.trials_that_fit(memory.Need(1000, 1000), devices, host_bytes) == trials


@pytest.mark.parametrize(("free_bytes", "host_bytes"), [(4 * 10**8, 10**12), (10**12, 7 * 10**8)])
def test_no_room_for_a_tile_is_told(free_bytes, host_bytes):
    need = memory.Need(10**8, 10**8)
    told = r"device cuda: 4 trials side by side need 0\.44 GB of .* GB .* 0\.8 GB of .* GB .*--device cpu$"
    with pytest.raises(InputError, match=told):
        memory.trials_that_fit(need, [device(free_bytes)], host_bytes)


def test_out_of_memory_halves_the_trials_side_by_side(monkeypatch, caplog):
    """In whole tiles, of four here, until there is room, and so for all that follow; no trial is lost or doubled."""
    tried = []

    def at_once(step, some, *rest):
        tried.append(len(some))
        if len(some) > 9:
            raise MemoryError("full")
        return iter(some)

    monkeypatch.setattr(trials, "Arrivals", lambda step, events_ms, pieces, threads, streams: events_ms)
    monkeypatch.setattr(trials, "_at_once", at_once)
    found = list(trials.run(STEP, range(27), ["soma"], [], 10.0, [device(at_once=5)]))
    assert found == list(range(27))
    assert tried == [20, 12, 8, 8, 8, 3]
    assert [each.getMessage() for each in caplog.records] == [
        "out of memory with 20 trials side by side (full); going on with 12",
        "out of memory with 12 trials side by side (full); going on with 8",
    ]


def test_running_out_of_memory_is_told():
    def full(n, dtype):
        raise MemoryError("Out of memory allocating 1,024 bytes")

    short = device()
    short.put, short.empty = lambda values, copies=1: values, full
    with pytest.raises(InputError, match=r"out of memory with 3 trials side by side .*1,024 bytes.*--device cpu$"):
        list(trials.run(STEP, [[np.empty(0)] * 2] * 3, ["soma"], [], 10.0, [short]))


def test_running_out_of_the_processors_memory_is_not_told_of_a_gpu():
    def full(n, dtype):
        raise MemoryError("Unable to allocate 8.00 GiB")

    short = device()
    short.put, short.empty = lambda values, copies=1: values, full
    short.refusal = lambda told: Cpu.refusal(short, told)
    with pytest.raises(InputError, match=r"^engine 'batched': out of memory with 3 trials .*8\.00 GiB.* uses it$"):
        list(trials.run(STEP, [[np.empty(0)] * 2] * 3, ["soma"], [], 10.0, [short]))


def test_no_cupy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(InputError, match=r"device cuda: needs CuPy .*pip install 'cupy-cuda12x\[ctk\]'.*--device cpu$"):
        gpu.count()


def test_no_gpu_is_told(monkeypatch):
    def none():
        raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device\nis detected")

    runtime = SimpleNamespace(getDeviceCount=none)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    with pytest.raises(
        InputError, match=r"no GPU to be used \(cudaErrorNoDevice: .* is detected\); or give --device cpu$"
    ):
        gpu.count()


def test_batches_in_hand_share_the_hosts_memory(monkeypatch):
    """Beside a GPU one batch is drawn, one integrated and one written: half of the memory has room for three of two
    tiles, of four trials each."""
    each = memory.need(STEP, n_fine=1, n_coarse=2, duration_ms=100)
    monkeypatch.setattr(engine.devices, "named", lambda name, text: [device(free_bytes=10**9)])
    monkeypatch.setattr(memory, "host_bytes", lambda: 2 * 3 * (2 * 4 * each.host))
    assert engine.side_by_side(STEP, 100, n_coarse=2, device="cuda").trials == 2 * 4
