"""Time and memory, one command each."""
