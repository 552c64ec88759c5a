"""The encoder of the avatars' StyleGAN2: `python -m miniature.avatars.encoder`."""
