"""What `benchmarks.speed.gan` measures: inst and the published formulation of face editing with StyleGAN2."""
