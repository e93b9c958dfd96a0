"""A fitted neuron at work: read from a run or a hub, driven over trials or bin by bin, written for others."""
