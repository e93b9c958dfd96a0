"""What made a run or a prediction: versions, commit, device."""

from __future__ import annotations

import platform

import torch

from ..simulate.schema import made_with


def provenance(device: torch.device) -> dict[str, str | None]:
    """Versions of Python and of the packages that set the numbers, the commit, and the device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return made_with("torch", "numpy") | {"device": f"{device.type} ({name})"}
