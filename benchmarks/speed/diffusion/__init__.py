"""What `benchmarks.speed.real_size` measures: the toolkit and the published formulation, at Stable Diffusion's size."""
