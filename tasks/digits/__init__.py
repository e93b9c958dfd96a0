"""Spoken digits as spikes: SHD's files, and a set of our own from synthetic voices through SHD's cochlea."""
