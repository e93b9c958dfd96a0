"""Ion channels and receptors in NMODL, each with its source: their units, a region's as one, compiled once."""
