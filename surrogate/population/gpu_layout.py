"""What a population has on a GPU, as its kernels read it: weights padded for matrix products, connections both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...simulate.schema import InputError
from ..kernels.population import weights
from .connections import WORD, Connections
from .group import Group
from .random_numbers import Poisson

MOST_PLACES = 2**31 - 1  # of connections
MOST_NEURONS, MOST_UNITS = 128, 4096  # of a program of `step`; the latter are 16 of a thread's registers in 8 warps
LEAST = 16  # rows and columns of a matrix product
MOST_WEIGHTS = 8192  # of each matrix, padded: 32 KB, which a multiprocessor has several times


class OnDevice(NamedTuple):
    """Programs of a group in a bin, and its arguments of `step`: weights padded for the products, state, numbers."""

    programs: int
    arrays: dict[str, Tensor]
    numbers: dict[str, Any]

    @classmethod
    def of(
        cls, group: Group, number: int, seed: int, threshold: float | None, product: str, device: torch.device
    ) -> OnDevice:
        arrays = weights(group.model.neuron(), group.model.w_y, group.model.n_inputs)
        given = {name: torch.from_numpy(each) for name, each in arrays.items()}
        n_inputs, n_hidden, n_memory = group.model.n_inputs, len(given["bias_h"]), len(given["kappa_m"])
        table_sh = given["table_sa"][:, :n_hidden] * torch.from_numpy(group.sign_s)[:, None]
        height, width = block(n_hidden), block(n_memory)
        below, beside = (0, height - n_hidden), (0, width - n_memory)
        into, out = (F.pad(w_hm, (*beside, *below)) for w_hm in (given["w_mh"].mT, given["w_hm"]))
        if product == "bf16":
            into, out = into.bfloat16(), out.bfloat16()
            if device.type == "cpu":  # interpreted, it would multiply their bits
                into, out = into.float(), out.float()
        logit_m, volt_m = given["w_mo"].mT
        of_memory = {name: given[name] for name in ("bias_m", "kappa_m", "gain_m")}
        of_memory |= {"logit_m": logit_m, "volt_m": volt_m}
        poisson = group.poisson or Poisson(np.zeros(1, np.uint32), np.zeros(1, np.uint32), np.zeros(1, np.int32))
        on_device = {
            "table_sh": table_sh,
            "into_hm": into,
            "bias_h": F.pad(given["bias_h"], below),
            "out_hm": out,
            **{name: F.pad(each, beside) for name, each in of_memory.items()},
            **{name: torch.from_numpy(each) for name, each in poisson._asdict().items()},
            "u_nh": torch.zeros(group.n, n_hidden),
            "m_nm": torch.zeros(group.n, n_memory),
        }
        scaling, neuron = group.surrogate.scaling, group.model.neuron()
        bias_logit, bias_volt = given["bias_o"].tolist()
        numbers = {
            "seed": seed,
            "stream": 2 * number,
            "first": group.first,
            "n_here": group.n,
            "n_inputs": n_inputs,
            "n_hidden": n_hidden,
            "n_memory": n_memory,
            "n_counts": len(poisson.count_c),
            "kappa": float(neuron.kappa_k[0]),
            "scale_mv": scaling.scale_mv,
            "offset_mv": scaling.offset_mv,
            "bias_logit": bias_logit,
            "bias_volt": bias_volt,
            "threshold": threshold or 0.0,
        }
        neurons = max(LEAST, min(MOST_NEURONS, MOST_UNITS // height))
        constants = {
            "POISSON": group.poisson is not None,
            "DRAWN": threshold is None,
            "PRECISION": product,
            "SILU": isinstance(neuron.activation, nn.SiLU),
            "N": neurons,
            "H": height,
            "M": width,
        }
        placed = {name: each.contiguous().to(device) for name, each in on_device.items()}
        return cls(-(-group.n // neurons), placed, numbers | constants)


def routed(wires: Connections, device: torch.device) -> dict[str, Tensor]:
    """Connections by senders and by targets; a bit for each place among the latter, and one for each word of these."""
    incoming = wires.incoming()
    n_words = len(incoming.synapse_p) // WORD
    if len(incoming.synapse_p) > MOST_PLACES:
        raise InputError(f"path 'triton': takes {MOST_PLACES:,} connections at most, there are {len(wires.post_e):,}")
    arrays = {
        "first_run_n": wires.first_run_n,
        "delay_r": wires.delay_ms_r,
        "first_r": wires.first_r,
        **{name: getattr(incoming, name).astype(np.int32) for name in ("first_word_n", "place_e")},
        "synapse_p": incoming.synapse_p,
        "weight_p": incoming.weight_p,
        "parts": np.zeros(n_words // WORD + 1, np.int32),
        "words": np.zeros(n_words + WORD, np.int32),
    }
    # a tensor without numbers has no memory, and kernels take none
    return {
        name: torch.from_numpy(each if each.size else np.zeros(1, each.dtype)).to(device)
        for name, each in arrays.items()
    }


def device_of(groups: Sequence[Group]) -> torch.device:
    """That all surrogates lie on: a GPU, or the CPU where Triton interprets."""
    from ..kernels.population_gpu_kernels import INTERPRETED

    devices = {next(group.surrogate.model.parameters()).device for group in groups}
    if len(devices) > 1:
        raise InputError(
            f"path 'triton': the surrogates lie on {' and '.join(sorted(map(str, devices)))}, take one GPU"
        )
    (device,) = devices
    if device.type != "cuda" and not INTERPRETED:
        raise InputError("path 'triton': the surrogate lies on the CPU; load it with device='cuda'")
    return device


def block(size: int) -> int:
    """The next power of two that a product takes."""
    return max(LEAST, 1 << (size - 1).bit_length())
