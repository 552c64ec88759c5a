"""Edits of faces by text, judged by an attribute classifier: `python -m benchmarks.gan_edits`."""
