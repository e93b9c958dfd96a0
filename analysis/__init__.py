"""Truth against predictions: datasets in, scores and figures out. Knows neither neuron nor torch."""

if __name__ != "apical.analysis":
    raise ImportError("import apical.analysis, not analysis: run 'pip install -e .' (or 'pixi install') first")

import lazy_loader

from . import accessor as accessor  # adds ds.apical

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
