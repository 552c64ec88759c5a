"""The encoder of the small StyleGAN2: `python -m miniature.avatars.encoder`."""
