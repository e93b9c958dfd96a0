"""What a dataset takes on disk, and how fast its windows come off it: one run, beside other encodings of its spikes.

    python benchmarks/dataset.py data.zarr
    python benchmarks/dataset.py data.zarr --trials 48 --threads 2

Prints bytes per trial by variable; bytes per trial and windows per second of other ways to store the same input spikes;
and windows of 500 ms per second that `surrogate.loader` delivers from disk, in random order over all trials, batches of
32, as tensors of events or dense (int8, a value for each channel and bin). The operating system's file cache is warm,
as it is in training. Run it where nothing else does.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import zarr
from zarr.codecs import BloscCodec

from apical.simulate import schema
from apical.simulate.schema import EventStore
from apical.surrogate.fitting.loader import load_batches
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.windows import SETTLING_MS, finished_trials, load_trials

WINDOW_MS, BATCH = 500, 32


def blosc(name: str, level: int, shuffle: str, size: int) -> BloscCodec:
    return BloscCodec(cname=name, clevel=level, shuffle=shuffle, typesize=size)


def encodings(n_synapses: int, n_bins: int) -> dict[str, tuple]:
    """Name -> dtype, chunk, maker from booleans, codec and shard of one trial's dense spikes."""
    dense = ("bool", (1, n_synapses, n_bins), lambda spikes_st: spikes_st)
    pieces = ("bool", (1, n_synapses, WINDOW_MS), lambda spikes_st: spikes_st)
    whole = (1, n_synapses, -(-n_bins // WINDOW_MS) * WINDOW_MS)
    packed = ("uint8", (1, n_bins, -(-n_synapses // 8)), lambda spikes_st: np.packbits(spikes_st.T, axis=1))
    return {
        "booleans, bitshuffle + zstd 5": (*dense, blosc("zstd", 5, "bitshuffle", 1), None),
        "booleans, bitshuffle + zstd 5, chunks of 500 ms": (*pieces, blosc("zstd", 5, "bitshuffle", 1), None),
        "booleans, the same in one shard per trial": (*pieces, blosc("zstd", 5, "bitshuffle", 1), whole),
        "packed bits, no codec": (*packed, None, None),
        "packed bits, shuffle + zstd 5": (*packed, blosc("zstd", 5, "shuffle", 1), None),
    }


def stored_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.name != "zarr.json")


def random_windows(n_trials: int, n_bins: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(n_trials, size=count), rng.integers(SETTLING_MS, n_bins - WINDOW_MS + 1, size=count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=48, help="of which the other encodings are made")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, default=1000, help="how many are loaded, after 20 to warm up")
    options = parser.parse_args()

    ds = schema.open_dataset(options.data, "simulation")
    n_trials, n_synapses, n_bins = ds.input_spikes.shape
    chosen = min(options.trials, n_trials)
    events = EventStore(options.data)
    n_events = np.mean([len(events.read(at).synapse_n) for at in range(chosen)])
    shape = f"{n_trials} trials of {n_bins / 1000:g} s, {n_synapses} synapses"
    print(f"{options.data}: {shape}, {n_events:,.0f} input spikes each")
    print(f"\n{'on disk':<50}{'KB per trial':>13}")
    folders = [folder for folder in sorted(options.data.iterdir()) if folder.is_dir()]
    sizes = {folder.name: stored_bytes(folder) / n_trials / 1000 for folder in folders}
    for name, kilobytes in sizes.items():
        if kilobytes >= 0.1:
            print(f"{name:<50}{kilobytes:>13.1f}")
    print(f"{'all':<50}{stored_bytes(options.data) / n_trials / 1000:>13.1f}")

    print(f"\n{'input spikes of ' + str(chosen) + ' trials as':<50}{'KB per trial':>13}{'windows per s':>15}")
    kilobytes = sizes["input_spike_count"] + sizes["input_spike_synapse"]
    at, start = random_windows(chosen, n_bins, 1000)
    began = time.perf_counter()
    for trial, first in zip(at, start, strict=True):
        events.read(trial).dense(n_synapses, first, WINDOW_MS)
    pace = len(at) / (time.perf_counter() - began)
    print(f"{'events (as they are), shuffle + zstd 5':<50}{kilobytes:>13.1f}{pace:>15,.0f}")
    for name, (dtype, chunks, make, codec, shards) in encodings(n_synapses, n_bins).items():
        folder = Path(tempfile.mkdtemp())
        group = zarr.open_group(folder, mode="w")
        shape = (chosen, *((n_bins, chunks[2]) if dtype == "uint8" else (n_synapses, n_bins)))
        layout = {"chunks": chunks, "shards": shards, "compressors": codec}
        array = group.create_array("spikes", shape=shape, dtype=dtype, **layout)
        for trial in range(chosen):
            array[trial] = make(schema.read(ds, "input_spikes", trial))
        at, start = random_windows(chosen, n_bins, 60)
        began = time.perf_counter()
        for trial, first in zip(at, start, strict=True):
            window = np.s_[first : first + WINDOW_MS]
            values = array[trial, window] if dtype == "uint8" else array[trial, :, window]
            if dtype == "uint8":
                np.unpackbits(values, axis=1, count=n_synapses)
        pace = len(at) / (time.perf_counter() - began)
        print(f"{name:<50}{stored_bytes(folder) / chosen / 1000:>13.1f}{pace:>15,.0f}")
        shutil.rmtree(folder)

    trials = load_trials(ds, finished_trials(ds).tolist(), VoltageScaling(), from_disk=True)
    print(f"\n{'windows of 500 ms as tensors from disk':<50}{'per s':>13}")
    for threads, dense in ((1, False), (options.threads, False), (1, True), (options.threads, True)):
        steps = range(20 + options.batches)
        loaded = load_batches(trials, window_ms=WINDOW_MS, batch=BATCH, seeds=[0], steps=steps, threads=threads)
        for _ in range(20):
            next(loaded)
        began = time.perf_counter()
        count = sum(len(each.events.dense(torch.int8)) if dense else BATCH for (each,) in loaded)
        name = f"{'dense' if dense else 'events'}, {threads} thread{'s' * (threads > 1)}"
        print(f"{name:<50}{count / (time.perf_counter() - began):>13,.0f}")


if __name__ == "__main__":
    main()
