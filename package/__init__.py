"""Simulate a detailed neuron, fit small networks that replace it, compare what each parameter buys."""

if __name__ != "apical":
    raise ImportError(f"import apical, not {__name__}: run 'pip install -e .' (or 'pixi install') first")

from typing import TYPE_CHECKING

import lazy_loader

__version__: str
_attribute, _names, __all__ = lazy_loader.attach(
    __name__, submodules=["analysis", "cli", "simulate", "surrogate", "tasks"]
)


def __dir__() -> list[str]:
    return [*_names(), "__version__"]


if not TYPE_CHECKING:  # else any name would be one

    def __getattr__(name):
        if name == "__version__":
            from importlib.metadata import version

            return version("apical")
        return _attribute(name)
