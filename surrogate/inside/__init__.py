"""What a fitted network has learned: memory, weights on the dendrite, filters."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
