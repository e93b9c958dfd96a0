"""The layers of an ELM Network on a GPU, in Triton; network_reference.py is the truth, README.md says how they lie."""
