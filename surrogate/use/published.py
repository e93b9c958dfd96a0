"""The ELM checkpoints that were published with Spieler et al. 2024 (AaronSpieler/elmneuron, MIT)."""

from __future__ import annotations

import json
from pathlib import Path

from ...simulate.schema import InputError
from ..models.elm import ELM, ELMConfig
from ..tensors import read_tensors

DATASET = "NeuronIO"  # what they were trained on
SETTINGS_FILE = "model_config.json"

# Their setting: ours. What a file leaves out has these defaults there.
SETTINGS = {
    "num_input": "n_inputs",
    "num_output": "n_outputs",
    "num_memory": "d_m",
    "num_branch": "n_branches",
    "num_synapse_per_branch": "synapses_per_branch",
    "input_to_synapse_routing": "routing",
    "lambda_value": "lambda_value",
    "tau_b_value": "tau_b_ms",
    "tau_s_value": "tau_b_ms",
    "memory_tau_min": "tau_m_min_ms",
    "memory_tau_max": "tau_m_max_ms",
    "learn_memory_tau": "learn_tau_m",
    "w_s_value": "w_s_init",
    "mlp_num_layers": "mlp_layers",
    "mlp_hidden_size": "mlp_hidden_size",
    "mlp_activation": "mlp_activation",
    "delta_t": "delta_t_ms",
}
DEFAULTS = {"num_branch": None, "num_synapse_per_branch": 1, "memory_tau_max": 1000.0}
ROUTINGS = {"neuronio_routing": "neuronio", "random_routing": "random"}


def elm_from_published(settings: dict, state: dict, where: str) -> ELM:
    """The model of a published configuration and state dict; v1 or v2 as the state says.

    where: names the checkpoint in errors.
    Raises InputError where a setting is unknown, or the state is not of that model.
    """
    given = DEFAULTS | {key: value for key, value in settings.items() if value is not None}
    fields = {SETTINGS.get(key, key): value for key, value in given.items()}
    if "routing" in fields:
        fields["routing"] = ROUTINGS.get(fields["routing"], fields["routing"])
    model = ELM(ELMConfig.checked(where, fields | {"version": 2 if "tau_b" in state else 1}))
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: the weights are not those of the ELM in {SETTINGS_FILE}") from error
    if "tau_s" in state and bool((state["tau_s"].view(model.n_branches, -1).diff(dim=1) != 0).any()):
        raise InputError(f"{where}: synapses of a branch differ in tau_s; apical reads one time constant per branch")
    return model


def read_published_elm(folder: Path) -> ELM:
    """The model of a published folder: model_config.json and one *_state.pt.

    Raises InputError where either is missing, foreign or unreadable, or where reading it would run code.
    """
    config_path = folder / SETTINGS_FILE
    try:
        settings = json.loads(config_path.read_text())
    except OSError as error:
        raise InputError(f"{config_path}: cannot be read: a published ELM folder has it beside *_state.pt") from error
    except ValueError as error:
        raise InputError(f"{config_path}: is not JSON") from error
    if not isinstance(settings, dict):
        raise InputError(f"{config_path}: expected settings by name")
    states = sorted(folder.glob("*_state.pt"))
    if len(states) != 1:
        raise InputError(f"{folder}: has {len(states)} files *_state.pt, expected one: the weights")
    return elm_from_published(settings, read_tensors(states[0]), str(folder))
