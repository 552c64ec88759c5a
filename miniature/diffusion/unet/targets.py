"""Inputs and targets of the U-Net's training.

A picture's strokes remain visible through the noise, so a U-Net that only denoises pictures learns to take the style
from them and not from the prompt. In stylization a photo is visible through the noise, and the style has to come from
the prompt. Therefore most noisy inputs contain the photo instead of the rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from miniature.common.losses import latent_texture
from miniature.diffusion.data.dataset import sample_pair
from miniature.diffusion.embed import Features, FeaturesOnDevice

Rng = np.random.Generator
Row = dict[str, Any]
PLAIN_SHARE = 0.35
"""Share of samples that are ordinary diffusion: input and target are the same picture."""
UNPAIRED_SHARE = 0.7
"""Share of the paintings that are replaced by an unrelated photo to be stylized."""
MIN_WEIGHT, TEXTURE_WEIGHT = 0.15, 4.0
COARSE_SIZE, FINE_WEIGHT, UNPAIRED_TEXTURE = 2, 0.2, 0.5
"""For such photos: size in latent pixels at which the composition must match, weight of finer errors, and factor of the
texture weight."""


class Samples(NamedTuple):
    """Latents of pictures, (b, 4, h, w) each.

    Attributes:
        rows: metadata of each picture, for captions.
        target: the picture to be predicted.
        source: the photo that it was rendered from.
        style: the picture whose distribution of patches the prediction should have.
        unpaired: (b,) whether the source has no rendering in this style. The target is then the source with the
            painting's palette, which is correct in composition and colour only.
    """

    rows: list[Row]
    target: Tensor
    source: Tensor
    style: Tensor
    unpaired: Tensor

    @classmethod
    def of(cls, rows: list[Row], target: Tensor, source: Tensor) -> Samples:
        """Paired samples, each with its own style."""
        return cls(rows, target, source, target, torch.zeros(len(rows), dtype=torch.bool, device=target.device))


def add_unpaired_photos(
    samples: Samples, features: Features | FeaturesOnDevice, groups: dict[str, list[list[Row]]], rng: Rng
) -> Samples:
    """Replace most paintings by unrelated photos that are to be stylized like the painting.

    The photo of a rendering is known, but there is none for a painting. Without these samples the U-Net would never
    combine a photo with a painting's token, and in stylization the token would change colours but not brush strokes.
    """
    at = [i for i, row in enumerate(samples.rows) if row["kind"] == "painting" and rng.random() < UNPAIRED_SHARE]
    if not at:
        return samples
    photos = [_photo(features, groups, rng) for _ in at]
    device, (height, width) = samples.target.device, samples.target.shape[2:]
    source, _ = (part.to(device) for part in features.latents_of([r["row"] for r in photos], (height, width), rng))
    mean, std = (part.to(device) for part in features.palette_of([r["row"] for r in photos]))
    style_mean, style_std = (part.to(device) for part in features.palette_of([samples.rows[i]["row"] for i in at]))
    rows = list(samples.rows)
    for i, photo in zip(at, photos, strict=True):
        rows[i] = rows[i] | {"content": photo["content"]}
    index = torch.tensor(at, device=device)
    return samples._replace(
        rows=rows,
        target=samples.target.index_copy(0, index, (source - mean) / std * style_std + style_mean),
        source=samples.source.index_copy(0, index, source),
        unpaired=samples.unpaired.index_fill(0, index, True),
    )


def _photo(features: Features | FeaturesOnDevice, groups: dict[str, list[list[Row]]], rng: Rng) -> Row:
    while True:
        photo, _ = sample_pair(groups, {"photo": 1.0}, rng)
        if features.ready(photo["row"]):
            return photo


class Target(NamedTuple):
    """Latents to which noise is added, and latents to be predicted.

    Attributes:
        style: the latents whose distribution of patches the prediction should have; ``None`` for those of ``target``.
        unpaired: (b,) whether ``target`` is correct in composition and colour only; ``None`` if no sample is unpaired.
    """

    input: Tensor
    target: Tensor
    style: Tensor | None = None
    unpaired: Tensor | None = None

    @property
    def differs(self) -> Tensor:
        """(b,) whether input and target are different."""
        return (self.input - self.target).flatten(1).abs().amax(1) > 0


def make_targets(samples: Samples, prompts: Sequence[str], t: Tensor, rng: Rng) -> Target:
    """Choose inputs: in most samples the photo, or an interpolation or extrapolation between rendering and photo.

    Stochastic inversion starts beyond the photo (a share of about 2), and near the end of sampling the latents are
    close to the rendering. With an empty prompt the target is the input.
    """
    device, count = samples.target.device, len(samples.target)
    share = torch.from_numpy(np.where(rng.random(count) < PLAIN_SHARE, 0.0, rng.uniform(0.2, 2.1, count)))
    # the target of an unpaired sample is no picture of its own, so it is never the input
    share = torch.where(samples.unpaired.cpu() & (share == 0), torch.ones_like(share), share)
    share = share * (t / 400).clamp(max=1)
    empty = torch.tensor([not prompt for prompt in prompts])
    share = torch.where(empty, share > 0, share).float().view(-1, 1, 1, 1).to(device)
    empty = empty.to(device)
    inputs = samples.target + share * (samples.source - samples.target)
    targets = torch.where(empty.view(-1, 1, 1, 1), inputs, samples.target)
    unpaired = samples.unpaired & ~empty
    return Target(inputs, targets, torch.where(unpaired.view(-1, 1, 1, 1), samples.style, targets), unpaired)


def picture_loss(prediction: Tensor, target: Target, signal: Tensor) -> Tensor:
    """Squared error of the clean latents with min-SNR weighting, γ = 5 (Hang et al. 2023).

    If input and target differ, high noise levels have more weight and a loss on the distribution of patches is added.

    Args:
        prediction: predicted clean latents (b, 4, h, w).
        signal: alpha_bar (b, 1, 1, 1).
    """
    snr = (signal / (1 - signal)).flatten()
    differs = target.differs
    weight = torch.where(differs, snr.clamp(MIN_WEIGHT, 1.5), snr.clamp(max=5.0))
    error = (prediction - target.target).square().mean((1, 2, 3))
    texture_weight = TEXTURE_WEIGHT * weight.clamp(max=1.0)
    if target.unpaired is not None:
        coarse = functional.avg_pool2d(prediction - target.target, COARSE_SIZE).square().mean((1, 2, 3))
        error = torch.where(target.unpaired, coarse + FINE_WEIGHT * error, error)
        texture_weight = torch.where(target.unpaired, UNPAIRED_TEXTURE * texture_weight, texture_weight)
    loss = (weight * error).mean()
    if differs.any():
        style = target.target if target.style is None else target.style
        texture = latent_texture(prediction[differs], style[differs])
        loss = loss + (texture_weight[differs] * texture).sum() / len(prediction)
    return loss
