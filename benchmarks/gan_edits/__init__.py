"""Face edits by text, evaluated with an attribute classifier: `python -m benchmarks.gan_edits`."""
