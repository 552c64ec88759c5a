"""Faces and other pictures of a StyleGAN2, edited in its latent spaces."""
