"""Pictures into the generator's space by optimisation, for those without an encoder or who want to be nearer.

Karras et al. 2020, appendix D (projection: schedule, noise regularisation), in W+ as Abdal et al. 2019. In place of
LPIPS the picture's own pixels, and where they are given what CLIP and ArcFace see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.errors import ConfigError
from inst.gan.blocks import StyledConv
from inst.gan.generator import Generator
from inst.gan.losses import ClipView, check_finite, check_weights
from inst.gan.styleclip.optimize import learning_rate_at
from inst.image import resize
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import Image, WPlus

SMALLEST_MAP = 8
"""Noise maps are regularised at this size and above."""


@dataclass(frozen=True, kw_only=True)
class InvertSettings:
    """How a picture is searched for.

    Attributes:
        steps: updates; 0 leaves the start.
        learning_rate: Adam's, at the top of the schedule.
        pixel_weight: of the mean squared difference, at full size and at a quarter of it.
        clip_weight, identity_weight: of 1 − cosine, where the networks are given.
        start_weight: of the mean squared way from the start: codes near it can be edited.
        noise_weight: of the noise maps' likeness to themselves one pixel on; published 1e5.
        noise: whether noise maps are searched for, too.
    """

    steps: int = 200
    learning_rate: float = 0.05
    pixel_weight: float = 1.0
    clip_weight: float = 0.1
    identity_weight: float = 0.1
    start_weight: float = 0.01
    noise_weight: float = 1e5
    noise: bool = True

    def __post_init__(self) -> None:
        if self.steps < 0 or not self.learning_rate > 0:
            raise ConfigError("steps and learning_rate are out of range: give 0 or more, and more than 0")
        check_weights(
            pixel_weight=self.pixel_weight,
            clip_weight=self.clip_weight,
            identity_weight=self.identity_weight,
            start_weight=self.start_weight,
            noise_weight=self.noise_weight,
        )


@dataclass(frozen=True)
class InvertStep:
    """What was found after a step.

    Attributes:
        noise: a map for each convolution, one a picture.
        pixel: mean squared difference before the step, one value a row.
    """

    w_plus: WPlus
    noise: list[Tensor]
    pixel: Float[Tensor, " b"]


@dataclass(frozen=True)
class Loss:
    """What a reconstruction lost, one value a row.

    Attributes:
        psnr: in dB; 20 is a likeness, 30 hard to tell apart.
        identity: 0 for the same face, about 1 for strangers; ``None`` where ArcFace is not given.
    """

    psnr: Float[Tensor, " b"]
    identity: Float[Tensor, " b"] | None


def invert(
    target: Image,
    start: WPlus | None,
    generator: Generator,
    settings: InvertSettings,
    *,
    clip: ClipView | None = None,
    arcface: FaceIdentity | None = None,
) -> Iterator[InvertStep]:
    """Codes and noise whose picture is the target, step by step; a row comes out as it would alone.

    Args:
        target: of any size, brought to the generator's.
        start: an encoder's codes, or ``None`` for the generator's average.

    Raises:
        ConfigError: the loss is no number, or codes of another generator.
    """
    side = generator.config.resolution
    target = resize(target, side, side).to(generator.const.device)
    batch = len(target)
    begin = generator.to_w_plus(generator.latent_avg.expand(batch, -1) if start is None else start).detach().float()
    w_plus = begin.clone().requires_grad_()
    # from the generator's own noise, so that a picture it drew is found again
    maps = [m[None].repeat(batch, 1, 1).requires_grad_(settings.noise) for m in noise_maps(generator)]
    searched = maps if settings.noise else []
    optimizer = torch.optim.Adam([w_plus, *searched], lr=settings.learning_rate)
    features = Features(clip, arcface, settings, target)
    for step in range(settings.steps):
        # a step further on than published, whose first update has a rate of 0
        optimizer.param_groups[0]["lr"] = learning_rate_at(step + 1, settings.steps + 1, settings.learning_rate)
        image = generator(w_plus, maps)
        pixel = (image - target).square().flatten(1).mean(1)
        coarse = (_quarter(image) - _quarter(target)).square().flatten(1).mean(1)
        loss = settings.pixel_weight * (pixel + coarse) + features(image)
        loss = loss + settings.start_weight * (w_plus - begin).square().flatten(1).mean(1)
        total = loss.sum() + settings.noise_weight * noise_likeness(searched)
        check_finite(total)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()
        _normalise(searched)
        yield InvertStep(w_plus.detach().clone(), [m.detach().clone() for m in maps], pixel.detach())


@dataclass
class Features:
    """How far pictures are from the target for CLIP and ArcFace, weighted; 0 for those that are not given."""

    clip: ClipView | None
    arcface: FaceIdentity | None
    settings: InvertSettings
    target: Image

    def __post_init__(self) -> None:
        self.clip = self.clip if self.settings.clip_weight else None
        self.arcface = self.arcface if self.settings.identity_weight else None
        with torch.no_grad():
            self.embeds = self.clip.embed_images(self.target) if self.clip is not None else None
            self.faces = self.arcface.embed_faces(self.target) if self.arcface is not None else None

    def __call__(self, images: Image) -> Float[Tensor, " b"]:
        total = images.new_zeros(len(images))
        if self.embeds is not None and self.clip is not None:
            near = functional.cosine_similarity(self.clip.embed_images(images), self.embeds)
            total = total + self.settings.clip_weight * (1 - near)
        if self.faces is not None and self.arcface is not None:
            total = total + self.settings.identity_weight * identity_distance(
                self.arcface.embed_faces(images), self.faces
            )
        return total


def noise_maps(generator: Generator) -> list[Tensor]:
    """Copies of the maps that belong to the weights, (h, w) each."""
    return [module.noise.clone() for module in generator.modules() if isinstance(module, StyledConv)]


def noise_likeness(maps: Sequence[Float[Tensor, "b _ _"]]) -> Float[Tensor, ""]:
    """How much noise is like itself one pixel on, at every size down to 8 px: what carries no picture is not.

    Karras et al. 2020, appendix D, equation 4; a sum over maps and pictures.
    """
    total = torch.zeros(())
    for noise in maps:
        scale = noise
        while True:
            for axis in (1, 2):
                total = total.to(noise) + (scale * scale.roll(1, axis)).mean((1, 2)).square().sum()
            if scale.shape[-1] <= SMALLEST_MAP:
                break
            # averaged over 2 × 2 and brought back to a deviation of 1
            scale = 2 * functional.avg_pool2d(scale[:, None], 2)[:, 0]
    return total


@torch.no_grad()
def _normalise(maps: Sequence[Tensor]) -> None:
    for noise in maps:
        noise.sub_(noise.mean((1, 2), keepdim=True))
        noise.mul_(noise.square().mean((1, 2), keepdim=True).clamp(min=1e-12).rsqrt())


@torch.no_grad()
def measure_loss(target: Image, found: Float[Tensor, "b 3 h2 w2"], arcface: FaceIdentity | None = None) -> Loss:
    """What of the target is not in what was found; pictures in [-1, 1], the target brought to the other's size."""
    target = resize(target, found.shape[-2], found.shape[-1]).to(found)
    error = ((found.clamp(-1, 1) - target.clamp(-1, 1)) / 2).square().flatten(1).mean(1).clamp(min=1e-10)
    identity = None
    if arcface is not None:
        identity = identity_distance(arcface.embed_faces(found), arcface.embed_faces(target))
    return Loss(-10 * error.log10(), identity)


def _quarter(images: Image) -> Float[Tensor, "b 3 h4 w4"]:
    return functional.avg_pool2d(images, 4)
