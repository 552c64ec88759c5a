"""The report on the embedded diffusion model, part by part: `python -m benchmarks.quality.miniature`."""
