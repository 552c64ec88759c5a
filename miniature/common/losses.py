"""Losses of the autoencoders, and distances between distributions of patches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

PATCH, DIRECTIONS, PLACES = 5, 16, 768
LATENT_DIRECTIONS = 24


def _gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def reconstruction_loss(out: Tensor, x: Tensor) -> Tensor:
    """L1 + L2 + L1 of the gradients + a loss on low-resolution colour, since small models desaturate images."""
    error = out - x
    coarse = functional.avg_pool2d(error, 4)
    chroma = torch.stack([coarse[:, 0] - coarse[:, 1], coarse[:, 1] - coarse[:, 2], coarse[:, 2] - coarse[:, 0]], 1)
    edges = sum((a - b).abs().mean() for a, b in zip(_gradients(out), _gradients(x), strict=True))
    colour = coarse.abs().mean() + 2 * chroma.abs().mean() + 4 * chroma.square().mean()
    return error.abs().mean() + error.square().mean() + edges + colour


def colour_loss(latents: Tensor, x: Tensor) -> Tensor:
    """Mean absolute residual of a linear map from latents to colour differences.

    Otherwise a small autoencoder encodes a single colour axis and decodes green as brown, whatever the weight of colour
    in the reconstruction loss; this loss requires both axes in the latents. The map is fitted in every batch.

    Args:
        latents: (b, c, h / f, w / f) float32.
        x: (b, 3, h, w) in [-1, 1].
    """
    coarse = functional.avg_pool2d(x, x.shape[-1] // latents.shape[-1])
    target = torch.stack([coarse[:, 0] - coarse[:, 1], coarse[:, 1] - coarse[:, 2]], -1).flatten(0, 2)
    points = latents.permute(0, 2, 3, 1).flatten(0, 2)
    points = torch.cat([points, torch.ones_like(points[:, :1])], 1)
    gram = points.T @ points / len(points) + 1e-3 * torch.eye(points.shape[1], device=points.device)
    weights = torch.linalg.solve(gram, points.T @ target / len(points))
    return (points @ weights - target).abs().mean()


def texture_loss(out: Tensor, x: Tensor) -> Tensor:
    """Sliced Wasserstein distance of mean-free luminance patches, at scales 1 and 1/2.

    The mean of all images that a latent may represent is blurred; this loss asks for the right amount of texture but
    not for its exact position (after Heitz et al. 2021, with patches instead of features). Directions and positions are
    sampled in every call from torch's global generator.

    Args:
        out, x: (b, 3, h, w) in [-1, 1].
    """
    total = out.new_zeros(())
    for scale in (1, 2):
        a, b = (functional.unfold(_luminance(functional.avg_pool2d(image, scale)), PATCH) for image in (out, x))
        chosen = torch.randperm(a.shape[-1], device=a.device)[:PLACES]
        axes = functional.normalize(torch.randn(DIRECTIONS, PATCH * PATCH, device=a.device), dim=1)
        axes = axes - axes.mean(1, keepdim=True)  # removes the means of the patches
        one, two = ((axes @ patches[..., chosen]).sort(-1)[0] for patches in (a, b))
        # Normalised, so that a faint texture counts as much as a strong one.
        total = total + ((one - two).abs().mean((1, 2)) / (two.std((1, 2)) + 0.05)).mean()
    return total / 2


def gradient_energy(images: Tensor) -> Tensor:
    """(b,) mean squared luminance difference of neighbouring pixels, which blur reduces."""
    down, right = _gradients(_luminance(images))
    return down.square().mean((1, 2, 3)) + right.square().mean((1, 2, 3))


def _luminance(x: Tensor) -> Tensor:
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def latent_texture(prediction: Tensor, target: Tensor) -> Tensor:
    """(b,) sliced Wasserstein distances of mean-free 3×3 patches of latents.

    Args:
        prediction, target: (b, c, h, w).
    """
    channels = prediction.shape[1]
    axes = torch.randn(LATENT_DIRECTIONS, channels, 9, device=prediction.device)
    axes = functional.normalize((axes - axes.mean(2, keepdim=True)).flatten(1), dim=1)
    a, b = ((axes @ functional.unfold(x.float(), 3)).sort(-1).values for x in (prediction, target))
    return (a - b).square().mean((1, 2))
