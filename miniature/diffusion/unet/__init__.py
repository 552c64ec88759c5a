"""Step 5: the U-Net and, jointly, the inversion module, `python -m miniature.diffusion.unet --state DIR`."""
