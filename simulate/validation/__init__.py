"""Is a cell what its publication says, and is it integrated finely enough? One module for each kind of check."""
