"""The recipe of the embedded diffusion model, a command for each step; `train_all` runs them all."""
