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
# # 4. What has it learned?
#
# A score says how well a network imitates the cell. It does not say whether it does so for the cell's reasons. Here we
# open two networks up: which input do they wait for, what do they remember and for how long, and where on the dendrite
# have they put their weight?

# %%
import os
from pathlib import Path

from IPython.display import Image, display

from apical.analysis import save_figure
from apical.analysis.inside import (
    filters_figure,
    memory_figure,
    spike_triggered,
    spike_triggered_figure,
    weights_figure,
    worst_figure,
    worst_trials,
)
from apical.simulate import available_cores, open_dataset, outline, preset, simulate
from apical.surrogate import Surrogate, fit, predict, quick
from apical.surrogate.inside import first_layer, over_trial, readout_shares, synapse_weights

TINY = os.environ.get("APICAL_NOTEBOOK_TINY") == "1"  # as small as the tests run it
TRIALS, SECONDS, STEPS = (4, 1.2, 10) if TINY else (16, 6.0, 400)
DATA = Path("notebook_data")
TRUTH = DATA / "truth.zarr"

# The dataset of 01_simulate and the networks of 02_fit: what is there is not made again.
config = preset("nmda-ttpc1").model_copy(update={"seconds": SECONDS, "seed": 8})
simulate(config, TRUTH, TRIALS, workers=available_cores(), resume=True)


def surrogate(family, size):
    config = quick(
        family,
        size,
        steps=STEPS,
        validate_every=STEPS // 5,
        validation_fraction=0.2,
        test_fraction=0.25,
    )
    return Surrogate.load(fit(config, TRUTH, DATA / "runs" / f"{family}-{size}", resume=True))


truth = open_dataset(TRUTH)
elm, tcn = surrogate("elm", 10), surrogate("tcn", "3x32")
display(elm)

# %% [markdown]
# ## Where is it wrong?
#
# Averages hide the interesting cases, so start with the trials that go worst. Black is the cell, clipped at −55 mV,
# with a stroke and a triangle at each of its spikes; blue is the ELM.

# %%
predicted = open_dataset(predict(elm, TRUTH, DATA / "predictions" / f"{elm.name}.zarr", overwrite=True))
errors = worst_trials(truth, predicted)
figure = save_figure(worst_figure(truth, predicted, errors), DATA / "worst_trials.png")
display(Image(figure, width=900))

# %% [markdown]
# ## What makes it spike?
#
# The input that comes before a spike, averaged over spikes, beside its mean over all time (dotted). Basal excitation is
# above its mean, and inhibition below, the more so the nearer the spike; apical excitation is not, in these trials. For
# the model every millisecond counts as much as it is expected to hold a spike. Where both curves agree, cell and
# network wait for the same thing.

# %%
before = spike_triggered(truth, predicted)
figure = save_figure(spike_triggered_figure(before, elm.name), DATA / "spike_triggered.png")
display(Image(figure, width=900))

# %% [markdown]
# ## What does it remember?
#
# An ELM keeps its past in a few memory units, each of which forgets at a pace of its own, within 1 to 150 milliseconds.
# Below the voltage, a trial as its memory has it, fastest on top; then the currents of its branches; and which time
# constants the two outputs are read from: half of each comes from those up to the one that is named above the last
# panel. That is what this one model has found after a minute of training, not what the cell needs.

# %%
shares = readout_shares(elm, truth, elm.split.test)
figure = save_figure(memory_figure(truth, over_trial(elm, truth, errors[0].trial), shares), DATA / "memory.png")
display(Image(figure, width=900))

# %% [markdown]
# ## Where on the cell?
#
# Every input has learned a weight, and every input has a place. The network was never told where: it has seen numbered
# lines, and spikes. Put back on the reconstruction, its weights say which dendrites it listens to.

# %%
figure = save_figure(weights_figure(synapse_weights(elm, truth), outline(truth)), DATA / "weights.png")
display(Image(figure, width=900))

# %% [markdown]
# ## And a network without a neuron's parts?
#
# The TCN has no membranes to look at, only filters: what a unit of its first layer makes of the recent past, averaged
# over the synapses of each tree and sign. After so little training most are flat, but the strongest rise towards the
# bin for basal excitation and fall for inhibition: a postsynaptic potential, turned back in time.

# %%
figure = save_figure(filters_figure(first_layer(tcn, truth)), DATA / "filters.png")
display(Image(figure, width=900))

# %% [markdown]
# All of this is one command: `apical look notebook_data/runs/elm-10 notebook_data/truth.zarr --out look`.
