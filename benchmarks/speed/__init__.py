"""Time and memory; each module here is a command."""
