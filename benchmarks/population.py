"""A population of Branch-ELMs in a network: neuron-steps a second against PyTorch and NEURON, and memory of a neuron.

    python benchmarks/population.py
    python benchmarks/population.py --preset nmda --morphology cell1.asc
    python benchmarks/population.py --neurons 1000 --bins 20 --preset none

10,000 neurons of a Branch-ELM with d_m 20 and 1,278 inputs that spike at 5 Hz, 1,000 connections each with delays of
1 to 5 ms, 2 threads. Baselines on the same network: `plain` is a loop over `model.step` with all neurons as its batch,
`folded` a loop as PyTorch can do it at best, with the inputs folded into the hidden layer, `index_add_` of their rows,
and two products. Each is the least time of a bin among several. NEURON's own cells are those of `--preset`, in engine
`batched`, 16 side by side in a process for each thread, not connected; their neuron-steps are simulated ms times cells
per second. `nmda` with the published morphology has the 1,278 inputs; the default, `nmda-ttpc1`, has 1,820 and needs no
file. Run it where nothing else does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import side_by_side
import torch
from torch import Tensor

from apical.simulate import Integration, preset
from apical.simulate.config import Simulation
from apical.surrogate import Population, Surrogate
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.kernels.recurrence.reference import PHI_HEIGHT, PHI_SLOPE, synapse_table
from apical.surrogate.models.families import build

D_M, N_INPUTS, RATE_HZ, CONNECTIONS, LONGEST_MS = 20, 1278, 5, 1000, 5
CELLS, CELL_SECONDS = 16, 0.5  # of NEURON, side by side: more are no faster (docs/performance.md)


def neuron() -> Surrogate:
    """With new weights, and a readout that gives 5 Hz whatever comes."""
    model = build("elm", D_M, N_INPUTS, seed=0)
    with torch.no_grad():
        model.w_y.weight[0] *= 0.01
    model.set_spike_bias(float(np.log(RATE_HZ / 1000 / (1 - RATE_HZ / 1000))))
    half = N_INPUTS // 2
    signs = [(1, half), (-1, half)]
    return Surrogate(
        model.eval(), VoltageScaling(), "elm-20", "branch-elm", D_M, 0, "new weights", "nothing", {}, signs
    )


def network(n: int, connections: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    n_all = n * connections
    return {
        "pre": np.repeat(np.arange(n), connections),
        "post": random.integers(n, size=n_all),
        "synapse": random.integers(N_INPUTS, size=n_all, dtype=np.int32),
        "weight": np.full(n_all, 0.1, np.float32),
        "delay_ms": random.integers(1, LONGEST_MS + 1, size=n_all),
    }


class Folded:
    """Bins of n neurons with what arrives in them, in PyTorch, from tables made once."""

    def __init__(self, surrogate: Surrogate, n: int, events: list[tuple[Tensor, Tensor, Tensor]]) -> None:
        given, readout = surrogate.model.frozen().neuron(), surrogate.model.w_y
        (w_first, self._bias), (w_last, bias_last) = given.mlp
        n_branches = len(given.kappa_k)
        w_sk = synapse_table(given.w_y, given.input_y, given.valid_y, n_branches, N_INPUTS)
        self._table_sh = w_sk @ w_first[:, :n_branches].t() * torch.from_numpy(surrogate.sign_s)[:, None]
        self._w_mh, self._w_hm = w_first[:, n_branches:].t(), (PHI_SLOPE * w_last).t()
        self._bias_m, self._gain_m = PHI_SLOPE * bias_last, PHI_HEIGHT * given.gain_m
        self._kappa_b, self._kappa_m, self._readout = given.kappa_k[0], given.kappa_m, readout
        self._u_nh, self._m_nm, self._events = torch.zeros(n, len(self._bias)), torch.zeros(n, D_M), events

    @torch.inference_mode()
    def bin(self, t: int) -> None:
        post_e, synapse_e, weight_e = self._events[t % len(self._events)]
        self._u_nh *= self._kappa_b
        self._u_nh.index_add_(0, post_e, self._table_sh[synapse_e] * weight_e[:, None])
        kept_nm = self._kappa_m * self._m_nm
        h_nh = torch.addmm(self._u_nh + self._bias, kept_nm, self._w_mh).relu_()
        self._m_nm = torch.addcmul(kept_nm, self._gain_m, torch.tanh(torch.addmm(self._bias_m, h_nh, self._w_hm)))
        y_no = self._readout(self._m_nm)
        (torch.rand(len(y_no)) < y_no[:, 0].sigmoid()).nonzero()


def events_of_bins(n: int, connections: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """What arrives in ten bins of such a network, at random."""
    random = np.random.default_rng(1)
    of_bin = int(n * connections * RATE_HZ / 1000)
    return [
        (
            torch.from_numpy(random.integers(n, size=of_bin)),
            torch.from_numpy(random.integers(N_INPUTS, size=of_bin)),
            torch.full((of_bin,), 0.1),
        )
        for _ in range(10)
    ]


def cell_steps_per_s(cell: Simulation, processes: int) -> float:
    """ms of NEURON's own cells per second, of all processes together."""
    asked = cell, Integration(engine="batched"), (CELLS,), CELL_SECONDS, "cpu"
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:  # NEURON's state is global
        running = [pool.submit(side_by_side.measure, *asked) for _ in range(processes)]
        return 1000 * sum(each.result()[0] for each in running)


def least_s(step: Callable[[int], object], count: int) -> float:
    step(0)
    took = []
    for t in range(1, count + 1):
        began = time.perf_counter()
        step(t)
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="of a neuron")
    parser.add_argument("--bins", type=int, default=100, help="of a run of ours; ten runs")
    parser.add_argument("--plain-bins", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--preset", default="nmda-ttpc1", help="of NEURON's cells; none: leave them out")
    parser.add_argument("--morphology", help="of NEURON's cells, in place of the preset's")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    surrogate, n = neuron(), asked.neurons
    began = time.perf_counter()
    population = Population(surrogate, n, network(n, asked.connections))
    made_s = time.perf_counter() - began
    n_bytes = sum(each.nbytes for each in population._engine.arrays().values()) + 9 * n  # and the outputs of a bin
    population.run(10)
    rate_hz = population.run(100).spike_neuron.size / n * 10
    ours = least_s(lambda _: population.run(asked.bins), 10) / asked.bins
    folded = least_s(Folded(surrogate, n, events_of_bins(n, asked.connections)).bin, 20)
    plain = Population(surrogate, n, network(n, asked.connections), path="reference")
    plain.run(LONGEST_MS)
    slow = least_s(lambda _: plain.step(), asked.plain_bins)
    flying = 20 * len(population._flying.pre_f)

    print(f"{n:,} neurons, d_m {D_M}, {N_INPUTS:,} inputs, {rate_hz:.2f} Hz, {population.n_connections:,} connections")
    print(f"{asked.threads} threads; made in {made_s:.1f} s; memory of a neuron {(n_bytes + flying) / n:,.0f} bytes")
    print(f"{'way':<34}{'ms a bin':>10}{'neuron-steps/s':>16}{'ratio':>9}")
    ways = {"plain: model.step of all": slow, "folded: PyTorch at its best": folded, "ours": ours}
    for name, took in ways.items():
        print(f"{name:<34}{1000 * took:>10.3f}{n / took:>16,.0f}{slow / took:>9.1f}")
    if asked.preset != "none":
        cell = preset(asked.preset)
        cell = cell.model_copy(update={"morphology": asked.morphology}) if asked.morphology else cell
        steps_per_s = cell_steps_per_s(cell, asked.threads)
        took = n / steps_per_s
        print(f"{f'NEURON: {cell.preset}, batched':<34}{1000 * took:>10.3f}{steps_per_s:>16,.0f}{slow / took:>9.1f}")
        print(f"ours is {took / ours:,.0f} times as fast as NEURON's cells")


if __name__ == "__main__":
    main()
