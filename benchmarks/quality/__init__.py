"""Quality of stylization over pairs of photos and paintings: `python -m benchmarks.quality`."""
