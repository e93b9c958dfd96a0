"""How a trial is integrated: one interface (interface.py), one file or room per engine; run.py chooses and calls."""
