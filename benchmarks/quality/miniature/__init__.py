"""The report on the embedded model, part by part: `python -m benchmarks.quality.miniature`."""
