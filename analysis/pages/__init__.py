"""Pages of panels: a dataset, the fidelity of predictions, the validation of a cell."""
