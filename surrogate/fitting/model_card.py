"""README.md of a run: what the model is, what it may be used for, and how, for a reader who has nothing but its folder.

In the form of the hub's model cards: YAML first, then Markdown. The same run always gives the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .recipe import FitConfig
from .run_folder import CARD, WEIGHTS, LogRow, RunCard

LOAD = """\
from apical.surrogate import Surrogate

neuron = Surrogate.load("{name}")  # the folder that this file is in, or owner/name@commit on a hub
spike_probability, v_mv, state = neuron.step([0] * {n_inputs}, neuron.start())  # a bin of 1 ms without input"""


def model_card(card: RunCard, log: Sequence[LogRow], datasets: Sequence[Mapping[str, str]], macs_per_ms: int) -> str:
    """The text.

    log: every validation so far, at least one. datasets: the attributes of the training data.
    """
    fit, scaling = card.fit, card.scaling
    n_train, n_validation, n_test = (
        sum(len(getattr(split, part)) for split in card.splits.values()) for part in ("train", "validation", "test")
    )
    origins = [f"dataset {each.dataset_id}{_origin(of)}" for each, of in zip(card.fitted_to, datasets, strict=True)]
    if card.live:
        told = f"each simulated for this fit and seen {card.live.plan.seen} times"
        origins = [f"dataset {card.live.dataset_id}, {told}{_origin(datasets[0])}"]
    best = min(log, key=lambda row: row.error(fit.chosen_by))
    auc = "not defined (no output spike)" if best.validation_roc_auc != best.validation_roc_auc else None
    made = ", ".join(f"{name} {version}" for name, version in card.provenance.items() if version)
    name = f"{fit.family}-{fit.size}"
    tags = ["neuroscience", "surrogate-model", "spiking", fit.family]
    return "\n".join(
        [
            "---",
            "library_name: apical",
            "tags:",
            *(f"- {tag}" for tag in tags),
            "---",
            "",
            f"# {name}: a surrogate of a simulated neuron",
            "",
            "A small network that stands for a biophysically detailed neuron: input spikes of every synapse in, "
            "probability of an output spike and soma voltage out, in bins of 1 ms.",
            "",
            "| | |",
            "| --- | --- |",
            f"| model | {fit.family}, size {fit.size}, seed {fit.seed} |",
            f"| trainable parameters | {card.n_parameters:,} |",
            f"| multiply-accumulates per ms | {macs_per_ms:,} |",
            f"| inputs | {card.model.n_inputs:,}{_signs(card)} |",
            f"| trained on | {'; '.join(origins)} |",
            f"| trials | {n_train} for training, {n_validation} for validation, {n_test} held out |",
            *_helped_by(card),
            f"| steps | {fit.steps:,}, kept: step {best.step:,}, the best validation{_chosen(fit)} |",
            f"| validation RMSE | {best.validation_rmse_mv:.3f} mV, spikes cut at {scaling.clip_mv:g} mV |",
            f"| validation ROC-AUC | {auc or f'{best.validation_roc_auc:.4f}'} |",
            "",
            "## Units",
            "",
            "Input: +1 where an excitatory synapse spikes in the bin, -1 where an inhibitory one does, else 0, in the "
            "order of the dataset's synapses. Output 0 is the log odds of a spike in the bin; output 1 is the soma "
            f"voltage: {scaling.scale_mv:g} · output {scaling.offset_mv:+g} mV, with spikes cut at "
            f"{scaling.clip_mv:g} mV.",
            "",
            "## Use",
            "",
            "```python",
            LOAD.format(name=name, n_inputs=card.model.n_inputs),
            "```",
            "",
            f"`{CARD}` and `{WEIGHTS}` are all that loading needs. The test trials, which the fit never read, are "
            f"listed in `{CARD}`; `apical predict` takes them by default.",
            "",
            "## Limits",
            "",
            "It has seen the input statistics of its training data, and no others: rates, correlations or synapses "
            "that differ from them may give anything. It has no voltage above the cut, no dendrites, no plasticity and "
            "no noise of its own. The scores above chose the model, so they flatter it; the held-out trials say more.",
            "",
            *_licence(datasets[0]),
            "## Made with",
            "",
            f"{made}.",
            "",
        ]
    )


def _helped_by(card: RunCard) -> list[str]:
    """Rows on the model that it started from, and the one that taught it."""
    rows, fit = [], card.fit
    if card.started_from:
        left = f", {fit.keep_branches} of its branches left" if fit.keep_branches else ""
        rows.append(f"| started from | weights of another run (SHA-256 {card.started_from[:12]}…){left} |")
    if card.teacher_id:
        rows.append(f"| taught by | prediction {card.teacher_id}, a share of {fit.teacher_share:g} of the targets |")
    return rows


def _chosen(fit: FitConfig) -> str:
    """What else is to be known of how the weights were chosen."""
    by = "" if fit.chosen_by == "rmse" else " by ROC-AUC"
    return by + ("" if fit.weight_average is None else f"; weights averaged, decay {fit.weight_average:g} a step")


def _signs(card: RunCard) -> str:
    if not card.input_signs:
        return ""
    names = {1: "excitatory", -1: "inhibitory"}
    return ": " + ", then ".join(f"{count:,} {names[sign]}" for sign, count in card.input_signs)


def _origin(dataset: Mapping[str, str]) -> str:
    """Where the data come from, as far as they say."""
    config, morphology = json.loads(dataset["config"]), _morphology(dataset)
    told = {
        "from": json.loads(dataset["provenance"]).get("source"),
        "morphology": morphology.get("name"),
        "biophysics": config.get("biophysics") if morphology else None,
        "input preset": config.get("preset"),
    }
    return "".join(f", {what} {name}" for what, name in told.items() if name)


def _licence(dataset: Mapping[str, str]) -> list[str]:
    morphology = _morphology(dataset)
    if not morphology.get("licence"):
        return []
    source = f" ({morphology['source']})" if morphology.get("source") else ""
    told = f"The morphology of the simulated cell{source} has licence: {morphology['licence']}."
    parameters = json.loads(dataset["provenance"]).get("biophysics") or {}
    if parameters.get("licence"):
        told += f" Its parameter set {parameters['name']} has licence: {parameters['licence']}."
    return ["## Licence", "", f"{told} It may bind what is made from the data, this model included.", ""]


def _morphology(dataset: Mapping[str, str]) -> dict[str, str]:
    return json.loads(dataset["provenance"]).get("morphology") or {}
