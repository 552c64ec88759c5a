"""What `benchmarks.speed.gan` measures: the GAN side's networks, the toolkit and the published formulation."""
