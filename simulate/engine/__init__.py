"""How a trial is integrated: one interface (base.py), one file per engine."""
