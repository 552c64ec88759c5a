"""The GAN side: faces found and aligned, brought into StyleGAN2's space, and edited there by text."""
