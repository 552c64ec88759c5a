"""What `benchmarks.speed.real_size` measures: inst and the published formulation, at Stable Diffusion 1.5's size."""
