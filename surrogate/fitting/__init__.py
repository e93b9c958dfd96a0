"""Dataset to run: windows, targets, steps, validation, and the folder that holds what was learned."""
