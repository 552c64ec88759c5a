"""The recipe of the embedded diffusion model: a command for each step, and `train_all` for all of them."""
