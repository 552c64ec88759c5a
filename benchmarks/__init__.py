"""Measurements of speed, memory and quality; see README.md. Not part of the installed package."""
