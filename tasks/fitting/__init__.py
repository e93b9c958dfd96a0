"""Fitting a classifier, or a model of text, to a task: settings in, a run folder out."""
