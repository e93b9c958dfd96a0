"""A network of fitted neurons from a file: groups, connections and input in, a dataset of spikes out."""
