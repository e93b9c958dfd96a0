"""Fitting a classifier to a task: settings in, a run folder out."""
