"""Latent diffusion models: where they come from, how they are loaded, and the little the rest needs of them."""
