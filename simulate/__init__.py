"""Biophysics: morphology, mechanisms and input statistics in, dataset out. The only stage that imports neuron."""

if __name__ != "apical.simulate":
    raise ImportError("import apical.simulate, not simulate: run 'pip install -e .' (or 'pixi install') first")

import os

import lazy_loader

# NEURON reads this when it is first imported; without it, it complains where there is no screen.
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
