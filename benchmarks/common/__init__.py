"""Shared by the measurements: machine description, tables, photo and painting pairs, a model with learned styles."""
