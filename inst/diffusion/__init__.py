"""The mathematics of diffusion: noise schedules, samplers, guidance and InST's stochastic inversion.

A model appears here only as a noise predictor ``eps_model(latents, timesteps)``; this package imports no model class.

>>> import torch
>>> from inst.diffusion.schedule import NoiseSchedule
>>> from inst.diffusion.solvers import sample
>>> schedule = NoiseSchedule(torch.linspace(0.999, 0.005, 1000))
>>> latents = torch.randn(1, 4, 8, 8)
>>> steps = list(sample("ddim", lambda x, t: 0.1 * x, schedule, latents, num_steps=5))
>>> [step.timestep for step in steps], steps[-1].latents.shape
([801, 601, 401, 201, 1], torch.Size([1, 4, 8, 8]))
"""
