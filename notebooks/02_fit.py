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
# # 2. Fit two networks to it
#
# The simulation solves about ten thousand coupled differential equations, forty times per millisecond. Must it? Here
# two networks learn, from examples alone, to turn the same input spikes into the same output: the voltage at the soma,
# and the probability of a spike in each millisecond. They stand for two ideas of what a neuron is.
#
# - The **ELM** (Spieler et al. 2024) is a cell in miniature: leaky synapses feed branches, and a handful of memory
#   units, each with a time constant of its own, is updated by a small network in every millisecond.
# - The **TCN** (Beniaguev et al. 2021) assumes nothing: layers of convolutions over the recent past of all synapses.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import Image, display

from apical.analysis import plot_trial, save_figure
from apical.simulate import available_cores, open_dataset, output_spike_bins, preset, simulate
from apical.surrogate import Surrogate, fit, predict, quick

TINY = os.environ.get("APICAL_NOTEBOOK_TINY") == "1"  # as small as the tests run it
TRIALS, SECONDS, STEPS = (4, 1.2, 10) if TINY else (16, 6.0, 400)
DATA = Path("notebook_data")
TRUTH = DATA / "truth.zarr"

# The dataset of 01_simulate: what is there is not simulated again.
config = preset("nmda-ttpc1").model_copy(update={"seconds": SECONDS, "seed": 8})
simulate(config, TRUTH, TRIALS, workers=available_cores(), resume=True)

# %% [markdown]
# ## Fit
#
# A recipe says how: `quick` is for a laptop, `paper` for patience. Trials are shared out once, the same way for every
# model: most to learn from, some to choose the best step by, some never seen. Each family has one dial for its size:
# the ELM's number of memory units, the TCN's depth × width.


# %%
def fit_to_truth(family, size):
    config = quick(
        family,
        size,
        steps=STEPS,
        validate_every=STEPS // 5,
        validation_fraction=0.2,
        test_fraction=0.25,
    )

    def report(p):
        if p.step % config.validate_every == 0:
            print(f"{family} {size}: step {p.step} of {p.steps}, {p.validation_rmse_mv:.2f} mV on validation trials")

    return fit(config, TRUTH, DATA / "runs" / f"{family}-{size}", resume=True, report=report)


runs = [fit_to_truth("elm", 10), fit_to_truth("tcn", "3x32")]

# %% [markdown]
# A run is a folder that explains itself: configuration, split, weights, and a log with a row for each validation. It is
# how the ELM learnt:

# %%
display(pd.read_csv(runs[0] / "log.csv"))

# %% [markdown]
# ## Predict
#
# A prediction is a dataset like the truth, with the same dims and units: from here on, nothing needs to know whether
# voltages come from NEURON or from a network. By default it holds the trials that the model has not learned from, those
# that chose its best step and those that nobody has looked at; `part` tells them apart.

# %%
predictions = []
for run in runs:
    surrogate = Surrogate.load(run)
    display(surrogate)
    out = DATA / "predictions" / f"{surrogate.name}.zarr"
    predictions.append(predict(surrogate, TRUTH, out, overwrite=True))

# %% [markdown]
# ## Look
#
# Black is the cell, on the unseen trial with the most output spikes; in colour is what the networks make of its input,
# blue the ELM and orange, dashed, the TCN: each family has one colour in all of these notebooks. The cell's voltage is
# clipped at −55 mV, as the networks learn it: it shows what the dendrites deliver to the soma. Each output spike is a
# stroke with a triangle, and the probability below says when a network expects one.

# %%
truth, predicted = open_dataset(TRUTH), [open_dataset(path) for path in predictions]
n_spikes = output_spike_bins(truth).sum(axis=1)
trial = max(surrogate.split.test, key=lambda number: n_spikes[number])
figure = save_figure(plot_trial(truth, predicted, trial), DATA / "prediction.png")
display(Image(figure, width=900))

# %% [markdown]
# A minute of training on less than a minute of data already gives the swings of the voltage, and a probability that
# rises when spikes come. What it takes to be *right*, to the millisecond, is the question of `03_compare`.
#
# To try: other sizes, more steps, or a model that has all the time in the world: `paper("elm", 20)`.
