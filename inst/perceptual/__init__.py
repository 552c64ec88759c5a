"""Frozen feature networks that losses and metrics are computed on."""
