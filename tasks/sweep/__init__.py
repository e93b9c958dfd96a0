"""Many fits to a task with one command: models by size, by bin, or at a budget of parameters."""
