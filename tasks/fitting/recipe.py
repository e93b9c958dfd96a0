"""How a model is fitted to a task: one configuration, and the recipes that return it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from ...simulate.schema import InputError, Seed
from ...surrogate.models.settings import Settings
from ..models.classifier import FAMILIES
from ..models.settings import check_known

NO_OPTIONS = ("family", "size", "n_channels", "n_classes", "towers", "step_ms")  # the task or another setting says them


OF_LABELS = ("bin_ms", "counting", "levels", "adding", "held_out")  # settings that say how labelled sequences are drawn
OF_TEXT = ("window", "reset_steps", "reset_probability")


class TaskFit(Settings):
    """Everything that fixes a fitted classifier, or model of text, besides its task."""

    family: str = Field(description="kind of model; --model")
    size: int | None = Field(default=None, gt=0, description="its size; none: the family's own; --size")
    options: dict[str, bool | int | float | str] = Field(default={}, description="other fields of the model")

    bin_ms: float | None = Field(default=None, gt=0, le=1e6, description="of events: width of a bin, in ms")
    counting: Literal["counts", "any"] = Field(default="counts", description="of events: how many are in a bin, or any")
    levels: int | None = Field(default=None, ge=2, le=256, description="of grey levels: so many, one-hot")
    adding: bool = Field(default=False, description="of spoken digits: two after one another, and their sum")
    held_out: float = Field(default=0.2, gt=0, lt=1, description="share for validation, where the task has none")

    window: int | None = Field(
        default=None, gt=0, le=1_000_000, description="of text: tokens in a step, to which gradients reach; none: 100"
    )
    reset_steps: int = Field(
        default=0, ge=0, le=10**9, description="of text: in which the chance that a state begins anew falls from 1"
    )
    reset_probability: float = Field(
        default=0.0, ge=0, le=1, description="of text: that chance in the steps after them"
    )

    seed: Seed = Field(default=0, description="initial weights, order of sequences, dropout")
    epochs: float = Field(default=10.0, gt=0, le=1e6, description="passes through the training data")
    steps: int | None = Field(default=None, gt=0, le=10**9, description="training steps, in place of epochs")
    batch: int = Field(default=8, gt=0, le=100_000, description="sequences in a step, streams of text")
    validate_every: int | None = Field(default=None, gt=0, le=10**9, description="steps; none: an epoch")
    validation_items: int | None = Field(
        default=None, gt=0, description="sequences, or tokens of text, of a validation; none: all"
    )
    patience: int | None = Field(default=None, gt=0, description="stop after so many validations without a better one")

    optimizer: Literal["adam", "adamax"] = Field(default="adam", description="adam or adamax")
    learning_rate: float = Field(default=2e-3, gt=0, le=1e3, description="falls to 0 as a cosine")
    warm_up_steps: int = Field(default=0, ge=0, le=10**9, description="in which the learning rate rises linearly")
    gradient_clip: float | None = Field(default=1.0, gt=0, description="largest norm of the gradient; none: any")
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="in training")

    @model_validator(mode="after")
    def _known(self) -> TaskFit:
        for name in NO_OPTIONS:
            if name in self.options:
                raise ValueError(f"option '{name}': the task, or a setting of the fit, says it; leave it out")
        return self

    def changed(self, fields: Mapping[str, Any]) -> TaskFit:
        """With fields replaced, and options of the model added. Raises InputError for what is not a setting."""
        options = fields.get("options")
        more = {"options": self.options | options} if isinstance(options, dict) else {}
        return TaskFit.checked("fit settings", dict(self) | dict(fields) | more)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, from 0, of so many."""
        rise = min(1.0, (step + 1) / (self.warm_up_steps + 1))
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / steps))

    def reset(self, step: int) -> float:
        """Probability that the state of a stream of text begins anew before a step, from 0: falls linearly."""
        left = 1 - step / self.reset_steps if step < self.reset_steps else 0.0
        return self.reset_probability + (1 - self.reset_probability) * left

    def check_target(self, target: str, where: str) -> None:
        """Raise InputError for settings of the other kind of task. target: label or next, as the task's."""
        wrong, kind = (OF_TEXT, "text") if target == "label" else (OF_LABELS, "labelled sequences")
        for name in wrong:
            if getattr(self, name) != TaskFit.model_fields[name].default:
                told = f"{name} is a setting of {kind}, which this task is not"
                raise InputError(f"{where}: {told}; leave it out, or choose another recipe")


SHD = {"bin_ms": 2.0, "batch": 8, "epochs": 70.0, "optimizer": "adamax", "learning_rate": 5e-3, "gradient_clip": None}
LRA = {"optimizer": "adam", "gradient_clip": None}
# Spieler et al. 2024: batch, epochs, grey levels, and the ELM's largest time constant in steps and that of its synapses
ARENA: dict[str, tuple[int, float, int | None, float, float]] = {
    "image": (384, 300.0, 16, 1e3, 5.0),
    "pathfinder": (384, 300.0, 16, 1e3, 5.0),
    "path-x": (768, 300.0, 8, 2e4, 150.0),
    "listops": (384, 150.0, None, 2e3, 5.0),
    "text": (384, 150.0, None, 4e3, 5.0),
    "retrieval": (384, 150.0, None, 4e3, 5.0),
}
# Of Tay et al. 2021, from its code: width, layers, heads, attention, hidden, dropout
TRANSFORMERS: dict[str, tuple[int, int, int, int, int, float]] = {
    "image": (32, 1, 1, 32, 64, 0.3),
    "pathfinder": (128, 1, 4, 64, 128, 0.2),
    "path-x": (32, 1, 2, 16, 32, 0.1),
    "listops": (512, 6, 8, 512, 2048, 0.1),
    "text": (256, 4, 4, 256, 1024, 0.1),
    "retrieval": (128, 4, 4, 128, 512, 0.1),
}
NETWORK = "paper-network-shd-adding"
# Spieler, Martius & Levina 2026: 140,000 steps
NETWORK_SHD: dict[str, Any] = {
    **SHD,
    "adding": True,
    "counting": "any",
    "warm_up_steps": 400,
    "gradient_clip": 1.0,
    "label_smoothing": 0.01,
}
NETWORK_OPTIONS = {"input_dropout": 0.2, "recurrent_dropout": 0.2, "u_penalty": 0.002, "activity_penalty": 0.2}
NETWORK_TEXT = "paper-network-enwik8"
# The same paper's of Enwik8: 300,000 steps. Not told, and taken from SHD-Adding: warm-up, clipping, cosine. How often
# the validation text is read, and how much of it, is ours.
NETWORK_ENWIK8: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 5e-4,
    "batch": 8,
    "window": 100,
    "steps": 300_000,
    "warm_up_steps": 400,
    "gradient_clip": 1.0,
    "label_smoothing": 1e-4,
    "reset_steps": 40_000,
    "reset_probability": 0.01,
    "validate_every": 5_000,
    "validation_items": 500_000,
}
ENWIK8_NEURONS = 1024
ENWIK8_OPTIONS: dict[str, Any] = {
    "d_m": 15,
    "n_branches": 50,
    "synapses_per_branch": 15,
    "rho": 0.8,
    "input_scale": 10.0,
    "input_gain": 3.0,
    "tau_m_min": 0.1,
    "tau_m_max": 100.0,
    "tau_r": 2.0,
}
RECIPES = ("quick", "paper-shd", "paper-shd-adding", NETWORK, NETWORK_TEXT, *(f"paper-lra-{name}" for name in ARENA))


def recipe(name: str, family: str = "elm", size: int | None = None, **changes: Any) -> TaskFit:
    """A recipe's settings.

    name: of the recipe. family: elm, branch-elm, elm-network, lstm, chrono-lstm, gru, transformer or snn. size: None
    for the recipe's, or the family's own. changes: fields of TaskFit in place of the recipe's; options are added.

    paper-shd, paper-shd-adding: Spieler et al. 2024: Adamax 5e-3, 70 epochs of batches of 8, bins of 2 ms, half of the
    input left out. paper-network-shd-adding: Spieler, Martius & Levina 2026, for elm-network: as many steps, with
    warm-up, clipping, smoothing, dropout and regularisers, and any event in a bin in place of their number.
    paper-network-enwik8: the same paper's, of text: Adam 5e-4, windows of 100 tokens, 300,000 steps, and states that
    begin anew ever more rarely; elm-network has the published size, another family its own.
    paper-lra-image, -pathfinder, -path-x, -listops, -text, -retrieval: the first paper's settings of the Long Range
    Arena, Adam 2e-4 (LSTM and GRU 1e-3), d_m 150; a Transformer has the arena's own size, and the ELM's schedule.
    quick: a few epochs at a higher learning rate, for a first look.
    Raises InputError for a recipe or family that is not known, or a change that is not a setting.
    """
    check_known("recipe for sequences", name, RECIPES)
    check_known("model for sequences", family, FAMILIES)
    fields: dict[str, Any] = {"family": family, "size": size}
    options: dict[str, Any] = {}
    if name == NETWORK:
        if family != "elm-network":
            raise InputError(f"recipe {NETWORK} is of elm-network, not {family}; give --model elm-network")
        fields |= NETWORK_SHD
        options = NETWORK_OPTIONS
    elif name == NETWORK_TEXT:
        fields |= NETWORK_ENWIK8
        if family == "elm-network":
            fields["size"], options = size or ENWIK8_NEURONS, ENWIK8_OPTIONS
    elif name.startswith("paper-shd"):
        fields |= {**SHD, "adding": name == "paper-shd-adding"}
        options = {"input_dropout": 0.5}
    elif name.startswith("paper-lra-"):
        fields, options = _arena(name.removeprefix("paper-lra-"), family, size)
    given = changes.pop("options", {})
    if not isinstance(given, dict):
        raise InputError(f"fit settings: options is {given!r}, expected fields of the model")
    return TaskFit.checked("fit settings", fields | changes | {"options": options | given})


def _arena(task: str, family: str, size: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    batch, epochs, levels, longest, tau_s = ARENA[task]
    gated = family in ("lstm", "chrono-lstm", "gru")
    fields = {
        **LRA,
        "family": family,
        "size": size or (150 if family in ("elm", "branch-elm") else None),
        "batch": batch,
        "epochs": epochs,
        "levels": levels,
        "learning_rate": 1e-3 if gated else 2e-4,
    }
    options: dict[str, Any] = {}
    if family in ("elm", "branch-elm"):
        options = {"tau_m_max": longest, "tau_s": tau_s}
    elif family == "chrono-lstm":
        options = {"longest": int(longest)}
    elif family == "transformer":
        width, layers, heads, attention, hidden, dropout = TRANSFORMERS[task]
        fields["size"] = size or width
        options = {"layers": layers, "heads": heads, "attention": attention, "hidden": hidden, "dropout": dropout}
    return fields, options
