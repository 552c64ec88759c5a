"""Step 5, the U-Net and the inversion module: `python -m miniature.diffusion.unet`."""
