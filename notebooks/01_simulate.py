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
# # 1. Simulate a neuron
#
# A layer 5 pyramidal cell listens to thousands of synapses and says one thing at a time: a spike, or nothing. Here we
# let one listen for 96 seconds. Its shape is a reconstruction from rat somatosensory cortex, its membrane carries the
# ion channels of Hay et al. (2011), every dendritic segment has an excitatory synapse (AMPA and NMDA) and an inhibitory
# one (GABA_A), and NEURON does the sums. What comes out is a dataset: the truth that the networks of the next notebook
# have to reproduce.
#
# *This file is the notebook: in JupyterLab, right-click it and choose Open With → Notebook. Made for a laptop: the
# simulation takes a few minutes, and is kept in `notebook_data/`, so that a second run takes no time.*

# %%
import os
from pathlib import Path

import numpy as np
from IPython.display import Image, display

from apical.analysis import inspect_figure, summary
from apical.simulate import available_cores, open_dataset, preset, simulate

TINY = os.environ.get("APICAL_NOTEBOOK_TINY") == "1"  # as small as the tests run it
TRIALS, SECONDS = (4, 1.2) if TINY else (16, 6.0)
DATA = Path("notebook_data")
TRUTH = DATA / "truth.zarr"

# %% [markdown]
# ## What to simulate
#
# A preset is a complete description of an experiment. This one drives the cell the way Beniaguev et al. (2021) did:
# rates of excitation and inhibition wander, apart for the basal and the apical tree, each trial at a pace of its own,
# so that over many trials the cell meets silence, noise, and the coincidences that ignite its dendrites. A variant
# replaces a field; the seed and the number of a trial fix every input spike of it.

# %%
config = preset("nmda-ttpc1").model_copy(update={"seconds": SECONDS, "seed": 8})
print(config.statistics)

# %% [markdown]
# ## Simulate
#
# One process per core, one trial at a time each; a bar counts them. The first time, the channels are compiled, which
# takes a minute. `resume=True` runs what is missing and leaves alone what is there; try stopping the kernel half way.

# %%
simulate(config, TRUTH, TRIALS, workers=available_cores(), resume=True)

# %% [markdown]
# ## What is in it
#
# The dataset opens in xarray, without being read into memory. Everything has dims, units, and coordinates that say
# where each synapse sits.

# %%
ds = open_dataset(TRUTH)
display(ds)

# %% [markdown]
# `ds.apical` knows a few things more about it: a summary, a picture of a trial (`ds.apical.plot_trial(3)`), the output
# spikes as [Neo](https://neo.readthedocs.io) has them (`ds.apical.spike_trains()`).

# %%
display(ds.apical)

# %% [markdown]
# So questions about the cell are one line each. How much dendrite is there, and how far from the soma does it reach?

# %%
length_mm = ds.segment_length_um.groupby(ds.segment_type).sum() / 1000
reach_um = ds.segment_distance_um.groupby(ds.segment_type).max()
for tree in ("basal", "apical"):
    print(f"{tree:>6}: {length_mm.sel(segment_type=tree):.1f} mm, as far as {reach_um.sel(segment_type=tree):.0f} µm")

# %% [markdown]
# And how often does a spike arrive, how often does one leave?

# %%
found = summary(TRUTH)
for name in ("excitatory", "inhibitory"):
    n_synapses, rate_hz = found[f"n_{name}_synapses"], found[f"{name}_rate_hz"]
    print(f"{n_synapses} {name} synapses at {rate_hz:.1f} Hz: {n_synapses * rate_hz / 1000:.1f} spikes per ms")
rate_hz, spiking = found["output_rate_hz"]["mean"], found["fraction_of_trials_with_spikes"]
print(f"output: {rate_hz:.2f} Hz, with spikes in {spiking:.0%} of the trials")

# %% [markdown]
# Tens of input spikes per millisecond, about one output spike per second: most of what the cell does is to stay silent.
# Here is a typical trial, and below it all trials.

# %%
display(Image(inspect_figure(TRUTH, DATA / "truth.png"), width=900))

# %% [markdown]
# Every dot is one input spike, dark red where it excites and blue where it inhibits. Look at what precedes the output
# spikes (triangles above the voltage): seldom excitation alone, often a window in which excitation is up while
# inhibition is down, in the apical tree, in the basal tree, or in both. Look closely and you find blips that stop near
# −45 mV and have no triangle: there the axon fired, and the soma did not follow. (The channel densities were fitted to
# another reconstruction, `hay2011`, where this does not happen.) Only full spikes count as output. Shaded is the first
# half second, in which the cell settles and which no score counts.
#
# Spikes like company: some intervals between them are the short ones of a burst.

# %%
intervals_ms = np.concatenate([np.diff(times[np.isfinite(times)]) for times in ds.output_spike_time_ms.values])
if intervals_ms.size:
    print(f"{(intervals_ms < 25).mean():.0%} of {intervals_ms.size} intervals are shorter than 25 ms")

# %% [markdown]
# To try, each into a dataset of its own: `preset("ampa")`, which has no NMDA receptors; `biophysics="hay2011"`; your
# own reconstruction with `morphology="mine.swc"`. Then on to `02_fit`: how small can a network be that does all this?
