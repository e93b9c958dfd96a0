"""Many fits with one command, and every run on every dataset."""
