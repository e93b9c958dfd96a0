"""The commands, a file for those of a kind: each parses, calls one function of a stage, and prints."""
