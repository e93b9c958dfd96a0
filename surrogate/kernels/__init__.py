"""What training waits for, compiled once and kept: events, recurrences, convolutions, an optimiser."""
