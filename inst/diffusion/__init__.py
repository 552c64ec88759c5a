"""The mathematics of diffusion: schedules, samplers and InST's stochastic inversion. It knows no models."""
