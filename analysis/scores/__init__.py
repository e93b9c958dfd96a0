"""Truth and predictions to scores: rows, their files, and how sure they are."""
