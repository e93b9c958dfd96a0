"""Models against each other: fidelity by what it costs, in front of what was published."""
