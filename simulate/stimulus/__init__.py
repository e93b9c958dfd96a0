"""Input spikes: drawn from random rates, changed out of the usual, or given."""
