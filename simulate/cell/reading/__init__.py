"""A morphology file becomes NEURON sections."""
