"""StyleGAN2 faces: landmark detection and alignment, inversion into the latent space, and editing by text there."""
