"""Quality of style transfer over pairs of photos and paintings: `python -m benchmarks.quality`."""
