"""The small StyleGAN2: `python -m miniature.avatars.generator`."""
