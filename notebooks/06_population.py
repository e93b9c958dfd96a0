# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. A thousand cells
#
# What people do with a fast stand-in for a cell is to use many. Here a thousand copies of a fitted layer 5 pyramidal
# cell become a network: four fifths of them excite, one fifth inhibits, and every synapse has its own noise. We look at
# its spikes, ask what the weights of excitation and inhibition do, and close a loop around it.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display

from apical.analysis import save_figure
from apical.surrogate import Population, Surrogate

TINY = os.environ.get("APICAL_NOTEBOOK_TINY") == "1"  # as small as the tests run it
N, MS, SWEEP_MS, LOOP_MS = (100, 400, 200, 300) if TINY else (1000, 1150, 650, 1600)
DATA = Path("notebook_data")
DATA.mkdir(exist_ok=True)
BURN_IN_MS = 150  # all begin at rest, and spike together at first: left out, as a fit leaves it out

cell = Surrogate.load("l5pc-nmda")
display(cell)

# %% [markdown]
# ## The network
#
# A table says who sends to whom. Its weights are in spikes of the training data: 1 is one of them, -4 four inhibitory
# ones. Which synapse of the target a connection reaches, the seed draws by the weight's sign. Each cell hears from a
# tenth of the others, 2 ms later.

# %%
N_EXCITATORY = 4 * N // 5
pre, post = np.random.default_rng(0).integers(N, size=(2, N * N // 10))
NOISE_HZ = np.where(cell.sign_s > 0, 18, 10)


def network(inhibition, excitation=1.0, noise_hz=NOISE_HZ):
    weight = np.where(pre < N_EXCITATORY, excitation, -inhibition)
    return Population(cell, N, {"pre": pre, "post": post, "weight": weight}, delay_ms=2, poisson_hz=noise_hz)


balanced = network(inhibition=4)
ds = balanced.run(MS, record=[0])
print(f"{balanced.n:,} cells with {balanced.n_connections:,} connections: {ds.sizes['spike']:,} spikes in {MS:,} ms")
display(ds)

# %% [markdown]
# ## Spikes and rates
#
# A dot is a spike; the upper fifth inhibits. Below, the rate of both groups in bins of 10 ms, and the soma's voltage of
# one cell, which the fit has without its spikes.

# %%
EXCITES, INHIBITS = "black", "firebrick"
late = ds.isel(spike=ds.spike_time_ms.values >= BURN_IN_MS)
figure, (raster, rate, voltage) = plt.subplots(
    3, 1, figsize=(7, 5), sharex=True, height_ratios=(3, 1, 1), layout="constrained"
)
excites = late.spike_neuron.values < N_EXCITATORY
raster.scatter(late.spike_time_ms, late.spike_neuron, 0.4, np.where(excites, EXCITES, INHIBITS), rasterized=True)
raster.set(ylabel="cell", ylim=(0, N), xlim=(BURN_IN_MS, MS))
BIN_MS = 10
edges = np.arange(BURN_IN_MS, MS + 1, BIN_MS)
for those, n_cells, colour, name in (
    (excites, N_EXCITATORY, EXCITES, "excitatory"),
    (~excites, N - N_EXCITATORY, INHIBITS, "inhibitory"),
):
    counts, _ = np.histogram(late.spike_time_ms.values[those], edges)
    rate.stairs(1000 * counts / BIN_MS / n_cells, edges, color=colour, label=name, lw=0.8)
rate.set(ylabel="rate (Hz)", ylim=(0, None))
rate.legend(ncols=2, frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.95), borderaxespad=0)
voltage.plot(ds.time_ms, ds.soma_v_mv[0], color=EXCITES, lw=0.8)
voltage.set(ylabel="cell 0 (mV)", xlabel="time (ms)")
display(Image(save_figure(figure, DATA / "population.png"), width=800))
plt.close(figure)

# %% [markdown]
# ## More or less inhibition
#
# The same network with other weights: how fast does it fire, and how much do its cells fire together? The variance of
# the number of spikes in 10 ms, over all cells, divided by its mean, answers the second question: it is about 1 where
# cells know nothing of each other, and more where they spike together.

# %%
EXCITATION, INHIBITION = ((0.5, 2), (0, 4)) if TINY else ((0.5, 1, 2, 3), (0, 2, 4, 8))


def told(inhibition, excitation):
    run = network(inhibition, excitation).run(SWEEP_MS)
    counts, _ = np.histogram(run.spike_time_ms, np.arange(BURN_IN_MS, SWEEP_MS + 1, BIN_MS))
    return counts.mean() * 1000 / BIN_MS / N, counts.var() / max(counts.mean(), 1e-9)


rate_hz, together = np.moveaxis([[told(i, e) for i in INHIBITION] for e in EXCITATION], 2, 0)
figure, panels = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
colours = plt.colormaps["viridis"](np.linspace(0, 0.85, len(EXCITATION)))
for weight, colour, of_rate, of_together in zip(EXCITATION, colours, rate_hz, together, strict=True):
    panels[0].plot(INHIBITION, of_rate, "o-", color=colour, label=f"{weight:g}", ms=4)
    panels[1].plot(INHIBITION, of_together, "o-", color=colour, ms=4)
panels[0].set(xlabel="weight of inhibition", ylabel="rate (Hz)", ylim=(0, None))
panels[0].legend(title="excitation", frameon=False, fontsize=8, title_fontsize=8)
panels[1].axhline(1, color="0.6", ls="--", lw=0.8)
panels[1].set(xlabel="weight of inhibition", ylabel="variance / mean of counts", yscale="log")
display(Image(save_figure(figure, DATA / "population_sweep.png"), width=800))
plt.close(figure)

# %% [markdown]
# As long as excitation is weak, the noise decides the rate, and with inhibition the cells hardly know of each other. At
# twice the weight they drive each other, in waves that all take part in, unless inhibition answers: it brings the rate
# back to that of the noise, and most of the waves go. At three times the weight it can no longer. There, input is far
# from what the model was fitted to, so do not take that line for a cortex.
#
# ## A closed loop
#
# `step` takes a single bin and tells what every cell did in it, so that something outside may answer. Here a controller
# wants the network to fire at a rate that changes. Each ms it looks at the rate of the last moments, and sends to every
# cell spikes at excitatory synapses, or at inhibitory ones: a proportional and integral controller, in a few lines.

# %%
WANTED_HZ = np.where(np.arange(LOOP_MS) < LOOP_MS // 2, 3.0, 8.0)
SMOOTH_MS, PROPORTIONAL, INTEGRAL = 20.0, 0.1, 0.004  # of the rate; spikes per ms for each Hz lacking, and for each ms
random, synapses = np.random.default_rng(1), {sign: np.flatnonzero(cell.sign_s == sign) for sign in (1, -1)}
looped = network(inhibition=4)
looped.run(BURN_IN_MS)
rate_now_hz, lacked, drive, rates_hz, drives = 5.0, 0.0, 0.0, [], []
for wanted_hz in WANTED_HZ:
    neuron = np.repeat(np.arange(N), random.poisson(abs(drive), N))
    sign = 1 if drive > 0 else -1
    now = looped.step({"neuron": neuron, "synapse": random.choice(synapses[sign], neuron.size)})
    rate_now_hz += (1000 * len(now.spiking) / N - rate_now_hz) / SMOOTH_MS
    lacked += wanted_hz - rate_now_hz
    drive = np.clip(PROPORTIONAL * (wanted_hz - rate_now_hz) + INTEGRAL * lacked, -10, 10)
    rates_hz.append(rate_now_hz)
    drives.append(drive)

figure, (rate, sent) = plt.subplots(2, 1, figsize=(7, 3.2), sharex=True, layout="constrained")
rate.plot(rates_hz, color=EXCITES, lw=1, label="network")
rate.plot(WANTED_HZ, color="0.5", ls="--", lw=1, label="wanted")
rate.set(ylabel="rate (Hz)", ylim=(0, None))
rate.legend(frameon=False, fontsize=8, loc="upper left")
sent.plot(drives, color="#0072B2", lw=1)
sent.axhline(0, color="0.6", lw=0.8)
sent.set(xlabel="time (ms)", ylabel="excitation sent\n(spikes/ms to each)", xlim=(0, LOOP_MS))
display(Image(save_figure(figure, DATA / "population_loop.png"), width=800))
plt.close(figure)

# %% [markdown]
# A population goes on bit for bit from `save` and `resume`, for any number of threads. The same network from a file,
# with its connections in tables or SONATA edges, is `apical population network.toml --out spikes.zarr`. The guide to
# populations, `docs/guides/population.md`, has the file's fields, and what such networks cannot do: no cell knows of
# its own spikes, and far from its training data a fit promises nothing.
