"""A cell from its parts: reconstruction, parameter set, channels by distance, synapses; built, and drawn."""
