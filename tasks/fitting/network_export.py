"""A trained ELM Network at work a step at a time: in Python, and as a file that runs without apical."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ...simulate.schema import InputError
from ...surrogate.models.elm_network import ElmNetwork
from ...surrogate.use.export import EXPORT_VERSION, Exported, export_step, state_metadata
from ...surrogate.use.export_formats import Graph
from ..models.network import ElmNetworkEncoder
from .predict import load_classifier
from .run_folder import TaskCard


def load_network(run: str | Path) -> tuple[ElmNetwork, TaskCard]:
    """The network of a run, with the classifier's readout as its head, and what its run says of itself.

    `step` of it gives the logits of the classes after each step. The classifier's own are those of the last step, or
    their mean over all, as `pool` of the card's model says.
    run: its folder.
    Raises InputError for a run of another family, or of two towers.
    """
    model, card = load_classifier(run)
    if not isinstance(model.encoder, ElmNetworkEncoder) or model.latent is not None:
        towers = " of two towers" if model.latent is not None else ""
        raise InputError(
            f"{run}: a classifier of family {card.model.family}{towers}; of a task, only an elm-network of one tower "
            "goes a step at a time"
        )
    network = cast(ElmNetwork, model.encoder.cell)
    network.head = model.readout
    return network.eval(), card


def export_network(run: str | Path, out: str | Path, to: str, *, overwrite: bool = False) -> Exported:
    """Write a network's step to `out`, once the file has given what the network gives for random input.

    The file takes `input` (B, C), what a step holds in each channel, and the state; it gives `output` (B, K), the
    logits of the classes, and the state after it. The state starts at 0. What else one has to know is in its metadata.
    run, out: paths. to: 'torch-export' (.pt2) or 'onnx' (.onnx). overwrite: replace such a file.
    Raises InputError as `load_network`, and for what `apical.surrogate.export` refuses.
    """
    network, card = load_network(run)
    network.path = "reference"  # the operations of a step, in its order

    def metadata(graph: Graph) -> dict[str, object]:
        return {
            "apical_export": EXPORT_VERSION,
            "task": card.title,
            "model": card.model.model_dump(mode="json"),
            "fit": card.fit.model_dump(mode="json"),
            "n_parameters": card.n_parameters,
            "input": "(batch, n_inputs) float32, one step: what the channels hold, as the fit bins and counts it",
            "n_inputs": network.n_inputs,
            "output": "(batch, n_classes) float32, logits after this step; the classifier's are those of the last "
            "step, or with pool mean their mean over all steps",
            "classes": list(card.class_names),
            "provenance": card.provenance,
            **state_metadata(graph),
        }

    return export_step(network, metadata, out, to, run=str(run), overwrite=overwrite)
