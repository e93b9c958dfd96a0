"""One trial of a configured neuron: its input, its response, its output spikes."""
