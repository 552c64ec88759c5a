"""Frozen feature networks that losses and metrics look through."""
