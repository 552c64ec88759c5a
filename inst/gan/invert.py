"""GAN inversion by optimisation: without an encoder, or to refine an encoder's result.

Karras et al. 2020, appendix D (projection: schedule, noise regularisation), in W+ as in Abdal et al. 2019. In place of
LPIPS the loss compares pixels and, where the networks are given, CLIP and ArcFace embeddings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from inst.gan.blocks import StyledConv
from inst.gan.generator import Generator
from inst.gan.losses import ClipView, check_finite
from inst.gan.settings import InvertSettings
from inst.gan.styleclip.optimize import learning_rate_at
from inst.image import resize
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import Image, WPlus

SMALLEST_MAP = 8
"""Noise maps are regularised at this size and above."""


@dataclass(frozen=True)
class InvertStep:
    """Codes and noise after a step.

    Attributes:
        noise: a map for each convolution, with one row per picture.
        pixel: mean squared difference before the step, one value per row.
    """

    w_plus: WPlus
    noise: list[Tensor]
    pixel: Float[Tensor, " b"]


@dataclass(frozen=True)
class Loss:
    """Quality of a reconstruction, one value per row.

    Attributes:
        psnr: in dB; at 20 the likeness is clear, at 30 the pictures are hard to tell apart.
        identity: identity distance, 0 for the same face and about 1 for different people; ``None`` without ArcFace.
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
    """Optimise codes and noise maps until the generator's picture matches the target. Rows do not affect one another.

    Args:
        target: pictures in [-1, 1] of any size; they are resized to the generator's resolution.
        start: codes of an encoder, or ``None`` for the generator's mean code.

    Raises:
        ConfigError: the loss is NaN or infinite, or the codes belong to another generator.
    """
    side = generator.config.resolution
    target = resize(target, side, side).to(generator.const.device)
    batch = len(target)
    begin = generator.to_w_plus(generator.latent_avg.expand(batch, -1) if start is None else start).detach().float()
    w_plus = begin.clone().requires_grad_()
    # start from the generator's own noise: a picture that it generated can then be matched exactly
    maps = [m[None].repeat(batch, 1, 1).requires_grad_(settings.noise) for m in noise_maps(generator)]
    searched = maps if settings.noise else []
    optimizer = torch.optim.Adam([w_plus, *searched], lr=settings.learning_rate)
    features = Features(clip, arcface, settings, target)
    for step in range(settings.steps):
        # one step ahead of the published schedule, whose first update has a learning rate of 0
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
    """Weighted distance of pictures to the target in CLIP's and ArcFace's embeddings; 0 for a network not given."""

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
    """Copies of the noise maps stored with the weights, (h, w) each."""
    return [module.noise.clone() for module in generator.modules() if isinstance(module, StyledConv)]


def noise_likeness(maps: Sequence[Float[Tensor, "b _ _"]]) -> Float[Tensor, ""]:
    """Squared autocorrelation of the noise maps at a shift of one pixel, at every scale down to 8 px.

    It keeps picture content out of the noise. Karras et al. 2020, appendix D, equation 4, summed over maps and
    pictures.
    """
    total = torch.zeros(())
    for noise in maps:
        scale = noise
        while True:
            for axis in (1, 2):
                total = total.to(noise) + (scale * scale.roll(1, axis)).mean((1, 2)).square().sum()
            if scale.shape[-1] <= SMALLEST_MAP:
                break
            # averaged over 2 × 2 and rescaled to a standard deviation of 1
            scale = 2 * functional.avg_pool2d(scale[:, None], 2)[:, 0]
    return total


@torch.no_grad()
def _normalise(maps: Sequence[Tensor]) -> None:
    for noise in maps:
        noise.sub_(noise.mean((1, 2), keepdim=True))
        noise.mul_(noise.square().mean((1, 2), keepdim=True).clamp(min=1e-12).rsqrt())


@torch.no_grad()
def measure_loss(target: Image, found: Float[Tensor, "b 3 h2 w2"], arcface: FaceIdentity | None = None) -> Loss:
    """PSNR and identity distance of a reconstruction; pictures in [-1, 1], the target resized to the other's size."""
    target = resize(target, found.shape[-2], found.shape[-1]).to(found)
    error = ((found.clamp(-1, 1) - target.clamp(-1, 1)) / 2).square().flatten(1).mean(1).clamp(min=1e-10)
    identity = None
    if arcface is not None:
        identity = identity_distance(arcface.embed_faces(found), arcface.embed_faces(target))
    return Loss(-10 * error.log10(), identity)


def _quarter(images: Image) -> Float[Tensor, "b 3 h4 w4"]:
    return functional.avg_pool2d(images, 4)
