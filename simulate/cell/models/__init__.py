"""Cells as their authors have them, a hoc template or a Python function: taken over once, then data like any other."""
