"""Trials to a store: over many workers, resumable, with where they come from; or integrated once more otherwise."""
