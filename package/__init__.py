"""Simulate a detailed neuron, fit small networks that replace it, compare what each parameter buys."""

if __name__ != "apical":
    raise ImportError(f"import apical, not {__name__}: run 'pip install -e .' (or 'pixi install') first")

import lazy_loader

_attribute, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["analysis", "cli", "simulate", "surrogate"])


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("apical")
    return _attribute(name)
