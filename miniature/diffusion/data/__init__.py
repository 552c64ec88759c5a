"""Folders of pictures, the rendered training pictures, and their captions."""
