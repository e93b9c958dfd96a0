"""NeuronIO, the published dataset of Beniaguev et al. 2021: its pickles read without running anything in them."""
