"""Where tasks come from: made here, or read from published files; a file for each."""
