"""The StyleGAN2 of the avatars: `python -m miniature.avatars.generator`."""
