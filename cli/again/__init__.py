"""The commands that make a simulation, a prediction or a report again, told from what is there."""
