"""The networks: spikes in, spike logit and voltage out. They know nothing of datasets."""
