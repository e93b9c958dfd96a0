"""Many trials of one cell side by side: the code of a time step, generated from the cell and its mechanisms' NMODL."""
