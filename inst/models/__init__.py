"""Latent diffusion models: resolving where they come from, loading them, and the interface that other packages use."""
