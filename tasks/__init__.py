"""Long-horizon tasks: labelled sequences, drawn into batches, made or read; what is fitted to them. Knows no neuron."""

if __name__ != "apical.tasks":
    raise ImportError("import apical.tasks, not tasks: run 'pip install -e .' (or 'pixi install') first")

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
