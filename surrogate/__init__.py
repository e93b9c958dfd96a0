"""Networks that replace the cell: dataset in, run and prediction out. The only stage that imports torch."""

if __name__ != "apical.surrogate":
    raise ImportError("import apical.surrogate, not surrogate: run 'pip install -e .' (or 'pixi install') first")

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
