"""Haircuts and beards."""
