"""How a surrogate is fitted: one configuration, and presets that return it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from ...simulate.schema import Seed
from ..models.elm import SIMPLEST
from ..models.families import check_family
from ..models.settings import Settings
from ..models.sizes import SIZES

PUBLISHED_BATCH = 8  # windows, for which the published learning rates are
# What a batch of other size asks of the learning rate: Adam's steps the root (Malladi et al. 2022, arXiv 2205.10287),
# plain gradient descent's the ratio (Goyal et al. 2017, arXiv 1706.02677)
BY_BATCH: dict[str, Callable[[float], float]] = {
    "none": lambda ratio: 1.0,
    "sqrt": math.sqrt,
    "linear": lambda ratio: ratio,
}


class Rates(NamedTuple):
    """Learning rate, the weights of the three losses, and the share of the newest weights in their mean, at a step."""

    learning_rate: float
    spike_weight: float
    voltage_weight: float
    dendrite_weight: float
    newest: float = 1.0


class Phase(Settings):
    """Constant rates from a fraction of the steps on."""

    from_fraction: float = Field(ge=0, lt=1, description="of the steps, from which on these hold")
    learning_rate: float = Field(gt=0, description="constant, in place of the cosine")
    spike_weight: float = Field(ge=0, description="of the binary cross-entropy")
    voltage_weight: float = Field(ge=0, description="of the mean squared error, in units of 10 mV")
    dendrite_weight: float = Field(ge=0, description="of the mean squared error of the dendrites' components")


def _number_if_digits(size: object) -> object:
    return int(size) if isinstance(size, str) and size.isdigit() else size


class FitConfig(Settings):
    """Everything that fixes a fitted surrogate besides the data. Defaults: Spieler et al. 2024, for NeuronIO."""

    family: str = Field(description="kind of model; --model")
    size: Annotated[int | str, BeforeValidator(_number_if_digits)] = Field(description="its size dial; --size")
    options: dict[str, bool | int | float | str | None] = Field(default={}, description="other fields of the model")
    dendrite_components: int = Field(default=0, ge=0, le=10_000, description="targets of the TCN's third head")

    seed: Seed = Field(default=0, description="initial weights and the order of batches")
    split_seed: Seed = Field(default=0, description="which trials are held out: the same for every model")
    validation_fraction: float = Field(default=0.1, gt=0, lt=1, description="of the trials, to choose the weights on")
    # twice the validation's: intervals of scores need 20 test trials with output spikes, and an eighth fewer trials to
    # train on cost less than a seed does (results/data_efficiency.csv)
    test_fraction: float = Field(default=0.2, gt=0, lt=1, description="of the trials, that nothing sees")
    train_fraction: float = Field(default=1.0, gt=0, le=1, description="of the trials to train on, only this share")

    start_from: str | None = Field(
        default=None,
        description="run of the same model whose weights this one starts with; none: new ones",
    )
    keep_branches: int | None = Field(
        default=None, gt=0, description="with start_from, of an elm: so many of its branches, the others are left out"
    )
    teacher: str | None = Field(
        default=None, description="prediction of the same trials by another model, mixed into the targets; none: none"
    )
    teacher_share: float = Field(default=0.5, gt=0, le=1, description="of the teacher in the targets")

    steps: int = Field(default=350_000, gt=0, le=10**9, description="training steps")
    batch: int = Field(default=8, gt=0, le=100_000, description="windows in a step")
    window_ms: int = Field(default=500, gt=0, le=3_600_000, description="length of a window, in ms")
    burn_in_ms: int = Field(
        default=150, ge=0, le=3_600_000, description="start of each window that carries no loss, in ms"
    )
    validate_every: int = Field(default=10_000, gt=0, le=10**9, description="steps between validations")
    patience: int | None = Field(
        default=None, gt=0, le=10**9, description="stop after so many validations without a better one"
    )
    chosen_by: Literal["rmse", "auc"] = Field(
        default="rmse", description="which score of a validation chooses the weights, rmse or auc; patience too"
    )

    spike_windows: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of windows drawn where a spike is; weighted, so the loss is unbiased",
    )
    spike_jitter_ms: float | None = Field(
        default=None,
        ge=1e-4,
        le=1,
        description="width of what a spike shares of its label with the bins beside; none: nothing; in ms",
    )
    input_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="share of input spikes left out in training, drawn anew for each window"
    )
    spike_bias_from_rate: bool = Field(default=False, description="start the spike logit at the training spikes' rate")
    spike_bias: float | None = Field(
        default=None, ge=-20, le=20, description="start the spike logit here; none: the model's"
    )
    optimizer: Literal["adam", "nadam"] = Field(default="adam", description="adam or nadam")
    learning_rate: float = Field(default=5e-4, gt=0, description="falls to 0 as a cosine")
    batch_scaling: Literal["none", "sqrt", "linear"] = Field(
        default="none", description="the learning rate times this function of batch / 8: none, sqrt or linear"
    )
    warm_up_steps: int = Field(default=0, ge=0, le=10**9, description="steps in which the learning rate rises linearly")
    spike_weight: float = Field(default=0.5, ge=0, description="of the binary cross-entropy")
    voltage_weight: float = Field(default=0.5, ge=0, description="of the mean squared error, in units of 10 mV")
    dendrite_weight: float = Field(default=0.05, ge=0, description="a side task: a tenth of the voltage's")
    phases: tuple[Phase, ...] = Field(default=(), description="tables of rates, in place of the cosine and the weights")
    l2: float = Field(default=0.0, ge=0, description="L2 penalty as part of the gradient, on every parameter")
    weight_decay: float = Field(
        default=0.0, ge=0, le=1e3, description="times the learning rate: by which weights, no biases, shrink in a step"
    )
    weight_average: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="decay per step of a mean of the weights, which is what is kept; none: no mean",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of a step's large products, or bfloat16; the rest stays float32"
    )
    gradient_clip: float | None = Field(default=None, gt=0, description="largest norm of the gradient; none: any")

    @classmethod
    def _complaint(cls, error: ValidationError) -> str:
        told = super()._complaint(error)
        return told + ("; `apical presets fit` lists them" if "is not a setting" in told else "")

    def changed(self, fields: dict[str, Any]) -> FitConfig:
        """With fields replaced, and options of the model added. Raises InputError for what is not a setting."""
        options = fields.get("options")
        more = {"options": self.options | options} if isinstance(options, dict) else {}
        return FitConfig.checked("fit settings", dict(self) | fields | more)

    def rates(self, step: int) -> Rates:
        """Learning rate and loss weights of a step, counted from 0."""
        done = step / self.steps
        reached = [phase for phase in self.phases if phase.from_fraction <= done]
        now: Phase | FitConfig = reached[-1] if reached else self
        fall = 1.0 if reached else 0.5 * (1 + math.cos(math.pi * done))
        rise = min(1.0, (step + 1) / (self.warm_up_steps + 1))
        rate = now.learning_rate * fall * rise * BY_BATCH[self.batch_scaling](self.batch / PUBLISHED_BATCH)
        newest = 1.0 if self.weight_average is None else max(1 - self.weight_average, 1 / (step + 1))
        return Rates(rate, now.spike_weight, now.voltage_weight, now.dendrite_weight, newest)

    @model_validator(mode="after")
    def _one_spike_bias(self) -> FitConfig:
        if self.spike_bias is not None and self.spike_bias_from_rate:
            raise ValueError("spike_bias: is given, and so is spike_bias_from_rate; give one of them")
        return self

    @model_validator(mode="after")
    def _one_choice_of_windows(self) -> FitConfig:
        if self.teacher is not None and self.spike_windows:
            raise ValueError("teacher: mixes every label, so spike_windows has no spikes to look for; give one of them")
        return self


# Beniaguev et al. 2021: by epoch of 250; the voltage loss there is in mV², here in (10 mV)²; dendrites 0.1 · 5e-5 …
TCN_PHASES = tuple(
    Phase(
        from_fraction=epoch / 250,
        learning_rate=rate,
        spike_weight=spike,
        voltage_weight=100 * voltage,
        dendrite_weight=0.1 * dendrites,
    )
    for epoch, rate, spike, voltage, dendrites in [
        (0, 1e-4, 1, 0.02, 5e-5),
        (40, 3e-5, 2, 0.01, 3e-5),
        (80, 1e-5, 4, 0.01, 1e-5),
        (120, 3e-6, 8, 0.01, 1e-7),
        (160, 1e-6, 9, 0.003, 1e-8),
    ]
)

DEFAULT_SIZE: dict[str, int | str] = {family: size.default for family, size in SIZES.items()}
# Chosen on 480 trials of 6 s; validation RMSE with 5e-4 and with these: LN 1.61 and 1.35 mV after 3,000 steps, LIF 1.96
# and 1.74 after 600, SIMPLEST 1.91 after 20,000 and 1.45 after 3,000
FLOOR_LEARNING_RATE: dict[str, float] = {SIMPLEST: 1e-2, "ln": 1e-2, "lif": 2e-3, "alif": 2e-3}
QUICK_LEARNING_RATE = 1e-2  # best of 0.002 to 0.02 for ELM and TCN: 400 steps on 13 trials of 6 s
QUICK_OPTIONS: dict[str, dict] = {"tcn": {"batch_norm_momentum": 0.1, "receptive_field_ms": 60}}


def paper(family: str, size: int | str | None = None, **changes: Any) -> FitConfig:
    """The published recipe of a family, at its default size unless another is given; all but the TCN take the ELM's.

    ELM: Spieler et al. 2024, d_m 20, 35 × 10,000 batches. TCN: Beniaguev et al. 2021, 7x128, 250 × 2,880 batches.
    LN, LIF, ALIF and the simplest ELM, of which no recipe is published: the ELM's at a higher learning rate, and the
    last of them starts at the rate of the training spikes, else it learns to spike at low voltage first.

    family: elm, tcn, lstm, gru, ln, lif or alif. size: None for the family's default. changes: fields of FitConfig.
    Raises InputError for an unknown family or a change that is not a setting.
    """
    check_family(family)
    fields: dict[str, object] = {"family": family, "size": size or DEFAULT_SIZE[family]}
    if family == "tcn":
        fields |= {
            "steps": 250 * 2880,
            "validate_every": 2880,
            "window_ms": 400,
            "optimizer": "nadam",
            "phases": TCN_PHASES,
            "l2": 2e-8,  # gradient of the published penalty 1e-8 · w²
        }
    small = SIMPLEST if size == SIMPLEST else family
    if small in FLOOR_LEARNING_RATE:
        fields |= {"learning_rate": FLOOR_LEARNING_RATE[small], "spike_bias_from_rate": small == SIMPLEST}
    return FitConfig.checked("fit settings", fields | changes)


def quick(family: str, size: int | str, **changes: Any) -> FitConfig:
    """A few hundred steps for a laptop: higher learning rate, clipped gradients; a TCN sees 60 ms.

    The spike logit starts at the log odds of a spike, which a few hundred steps would otherwise spend on learning.

    family: elm, tcn, lstm, gru, ln, lif or alif. size: of an ELM its memory units, of a TCN depth x width such as
    "7x128", of LSTM and GRU their cells. changes: fields of FitConfig that differ.
    Raises InputError for an unknown family or a change that is not a setting.
    """
    check_family(family)
    fields = {"family": family, "size": size, "steps": 400, "validate_every": 50, "gradient_clip": 1.0}
    fields["spike_bias_from_rate"] = changes.get("spike_bias") is None
    fields["learning_rate"] = QUICK_LEARNING_RATE
    options = changes.get("options", {})
    if isinstance(options, dict):
        options = QUICK_OPTIONS.get(family, {}) | options
    return FitConfig.checked("fit settings", fields | changes | {"options": options})


class Setting(NamedTuple):
    """A field that --set replaces: its value by each recipe for an ELM, and what it is."""

    name: str
    quick: Any
    paper: Any
    about: str


def settings_in_words() -> list[Setting]:
    """Every field of a fit but family and size, which have options of their own, with its unit and values."""
    one, other = quick("elm", DEFAULT_SIZE["elm"]), paper("elm")
    return [
        Setting(name, getattr(one, name), getattr(other, name), field.description or "")
        for name, field in FitConfig.model_fields.items()
        if name not in ("family", "size")
    ]
