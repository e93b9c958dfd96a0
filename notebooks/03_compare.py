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
# # 3. What does a parameter buy?
#
# A network with ten million parameters can imitate a neuron; so, nearly, can one with eight thousand. Which of them has
# understood it? One honest way to ask is to plot fidelity against size, for several families, on trials that none
# of them has seen.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import Image, display

from apical.analysis import compare, evaluate, fidelity_figure, published_scores, write_scores
from apical.simulate import available_cores, preset, simulate
from apical.surrogate import Surrogate, fit, predict, quick

TINY = os.environ.get("APICAL_NOTEBOOK_TINY") == "1"  # as small as the tests run it
TRIALS, SECONDS, STEPS = (4, 1.2, 10) if TINY else (16, 6.0, 400)
MODELS = [("elm", 3), ("elm", 10), ("elm", 30), ("tcn", "1x16"), ("tcn", "3x32")]
DATA = Path("notebook_data")
TRUTH = DATA / "truth.zarr"

# The dataset of 01_simulate: what is there is not simulated again.
config = preset("nmda-ttpc1").model_copy(update={"seconds": SECONDS, "seed": 8})
simulate(config, TRUTH, TRIALS, workers=available_cores(), resume=True)

# %% [markdown]
# ## Several sizes of each
#
# As in `02_fit`; what that has fitted is kept.


# %%
def prediction_of(family, size):
    config = quick(
        family,
        size,
        steps=STEPS,
        validate_every=STEPS // 5,
        validation_fraction=0.2,
        test_fraction=0.25,
    )
    run = fit(config, TRUTH, DATA / "runs" / f"{family}-{size}", resume=True)
    return predict(Surrogate.load(run), TRUTH, DATA / "predictions" / f"{family}-{size}.zarr", overwrite=True)


predictions = [prediction_of(*model) for model in MODELS]

# %% [markdown]
# ## Score
#
# Two questions to every model. *When does it spike?* ROC-AUC: the chance that it gives a millisecond with a spike a
# higher probability than one without. Silence is the rule, so 0.9 is poor and 0.99 is good. *What does the soma do in
# between?* The root mean squared error of the voltage, as it is; and *rescaled*, as published, after mean and spread of
# the prediction have been fitted to the truth, which forgives a model that is right in shape but not in scale.
#
# Below each number, where there are trials enough (20 with output spikes; here there are a few, so none is told), is
# the interval that it would fall into with other trials: those that there are get drawn again and again, with
# replacement, and scored. The milliseconds of one trial resemble each other too much to count as evidence one by one;
# trials count.

# %%
scores = evaluate(TRUTH, predictions)
write_scores(DATA / "scores.csv", scores)
display(scores)

# %% [markdown]
# ## Beyond one number
#
# Is the probability one, so that of a hundred milliseconds given 10 % ten hold a spike? Are the spikes in the right
# place, within how many milliseconds? Where is the voltage wrong: at spikes, in fast trials, at which frequencies? One
# page, for the best of each family: the ELM in blue with circles, the TCN in orange with diamonds, the cell in black.

# %%
by_auc = sorted(range(len(scores)), key=lambda at: scores[at].roc_auc)
best = {scores[at].family: predictions[at] for at in by_auc}  # the last of a family stays
figure = fidelity_figure(TRUTH, list(best.values()), DATA / "fidelity.png")
display(Image(figure, width=900))

# %% [markdown]
# ## Compare
#
# A point for each size, with a pale bar for its interval where there are trials enough. The dashed line is what the
# literature calls sufficiently good, on data of its own: NeuronIO, from the reconstruction `hay2011`. Behind scores
# on such data, `compare` draws what was published in grey; behind ours, of another cell, it would compare nothing.
# Parameters are one price, arithmetic is another: the second row has the multiplications that a model needs for a
# millisecond.

# %%
display(Image(compare(scores, DATA / "compare.png"), width=900))

# %% [markdown]
# What was published says how far there may be to go. Those models saw days of simulated time, and trained for days;
# this is the smallest of them on the far side of the line.

# %%
published = pd.DataFrame([row.model_dump() for row in published_scores()])
good = published[(published.input_set == "NMDA") & (published.roc_auc >= 0.991)]
display(good.sort_values("n_parameters")[["label", "n_parameters", "roc_auc", "rmse_rescaled_mv", "source"]].head(1))

# %% [markdown]
# A minute of data and a minute of training leave every model short of the line, small and large. More of either moves
# the curves; and with one seed each, do not read much into the order of neighbours: fit more seeds (`quick(...,
# seed=1)`), and the figure shows their spread. With `apical simulate --trials 600` it becomes an experiment.
