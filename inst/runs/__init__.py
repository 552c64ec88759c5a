"""Runs from start to end: settings and inputs in, outputs and their records out."""
