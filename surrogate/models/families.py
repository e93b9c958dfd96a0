"""The families of surrogates by name, each with one size dial. A new family is one file and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Annotated, NamedTuple

import torch
from pydantic import Field

from ...simulate.schema import InputError, shown
from .elm import ELM, ELMConfig, elm
from .gated import Gated, GatedConfig, gated
from .lif import LIF, LIFConfig, lif
from .ln import LN, LNConfig, ln
from .network import Network
from .settings import Settings
from .sizes import SIZES, is_size, sizes_in_words
from .tcn import RECEPTIVE_FIELD_MS, TCN, TCNConfig, tcn

AnyConfig = ELMConfig | TCNConfig | GatedConfig | LNConfig | LIFConfig
ModelConfig = Annotated[AnyConfig, Field(discriminator="family")]

Dial = Callable[..., AnyConfig]
FAMILIES: dict[str, tuple[Dial, Callable[..., Network]]] = {
    "elm": (elm, ELM),
    "tcn": (tcn, TCN),
    "lstm": (partial(gated, "lstm"), Gated),
    "gru": (partial(gated, "gru"), Gated),
    "ln": (ln, LN),
    "lif": (partial(lif, "lif"), LIF),
    "alif": (partial(lif, "alif"), LIF),
}
GIVEN = ("family", "size", "n_inputs", "d_m", "width", "n_exponentials")  # no options, since they are given otherwise


def check_family(family: str) -> None:
    """Raise InputError, naming the nearest, for a family that does not exist."""
    if not isinstance(family, str) or family not in FAMILIES:
        near = get_close_matches(str(family), FAMILIES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(FAMILIES)}"
        raise InputError(f"model family {shown(family)} is not known: {hint}")


def configure(family: str, size: int | str, n_inputs: int, /, **options: object) -> AnyConfig:
    """The configuration of a family at a size; `options` set its other fields.

    Raises InputError for an unknown family (naming the nearest), a bad size or a bad option.
    """
    check_family(family)
    for name in GIVEN:
        if name in options:
            raise InputError(f"option '{name}' of {family}: family, size and data give it; leave it out")
    try:
        return FAMILIES[family][0](size, n_inputs, **options)
    except InputError as error:
        if "is not a setting" in str(error):
            raise InputError(f"{error}; `apical presets fit` lists the options") from error
        if is_size(family, size):
            raise
        raise InputError(f"{error}; sizes by family: {sizes_in_words()}") from error


def build(family: str, size: int | str, n_inputs: int, *, seed: int = 0, **options: object) -> Network:
    """A model of a family at a size, its initial weights fixed by `seed` alone.

    size: 'elm': memory units, such as 20, or "simplest". 'tcn': depth x width, such as "7x128". 'lstm', 'gru': cells,
    such as 50. 'ln': time constants of a filter, such as 3. 'lif', 'alif': 1.
    Raises InputError as `configure` does.
    """
    return assemble(configure(family, size, n_inputs, **options), seed)


def assemble(config: AnyConfig, seed: int = 0) -> Network:
    """The model that a configuration describes, its initial weights fixed by `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FAMILIES[config.family][1](config)


NO_OPTIONS = {  # what the dial, the dataset or a setting of the fit says
    *("family", "n_inputs", "n_outputs", "d_m", "width", "kernels_ms", "n_exponentials", "branch_of_input"),
    "kept_branches",
    "n_dendrite_components",
}


class Option(NamedTuple):
    """A field of a family's model that `options` may set."""

    family: str
    name: str
    default: object
    about: str


def options_in_words() -> list[Option]:
    """Every option of every family, with its unit and default."""
    found = [Option("tcn", "receptive_field_ms", RECEPTIVE_FIELD_MS, "bins that an output depends on, in ms")]
    configs: dict[str, type[Settings]] = {"elm": ELMConfig, "tcn": TCNConfig, "lif, alif": LIFConfig}
    for family, config in configs.items():
        for name, field in config.model_fields.items():
            if name not in NO_OPTIONS:
                found.append(Option(family, name, field.default, field.description or ""))
    return sorted(found, key=lambda option: list(SIZES).index(option.family.partition(",")[0]))
