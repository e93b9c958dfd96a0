"""The ELM recurrence: reference.py is the plain truth; a faster path must match it."""
