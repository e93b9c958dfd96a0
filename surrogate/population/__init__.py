"""Many fitted neurons in a network: connections, input, a kernel that steps them all, and what comes out."""
