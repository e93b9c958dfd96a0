"""Data recorded or simulated elsewhere: taken in as a dataset, and a dataset's trials given out in others' formats."""
