"""Data recorded or simulated elsewhere: taken in as a dataset, and a dataset's trials given out in others' formats."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
