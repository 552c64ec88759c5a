"""StyleCLIP (Patashnik et al. 2021): text-driven edits by latent optimisation, latent mappers and global directions."""
