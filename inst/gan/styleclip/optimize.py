"""Latent optimisation: one code changed step by step until its picture fits a text.

Patashnik et al. 2021, section 4, equation 1: ``argmin D_CLIP(G(w), t) + λ_L2 ‖w − w_s‖² + λ_ID L_ID(w)``; and, as
an addition that is off by default, ``+ λ_px |G(w) − G(w_s)|``. A sum of squares spreads a change over the whole
picture, a mean of absolute differences is cheapest where few pixels change: glasses come, and the hair stays. CLIP may
look through noise and shifts, others at every step (`losses.jittered`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError
from inst.gan.codes import Codes, Synthesis
from inst.gan.losses import ClipView, check_finite, check_weights, jittered, required_identity_network
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import Image, ImageEmbeds

RAMP_UP, RAMP_DOWN = 0.05, 0.25


@dataclass(frozen=True, kw_only=True)
class OptimizeSettings:
    """Published defaults.

    Attributes:
        steps: updates.
        learning_rate: Adam's, at the top of the schedule.
        l2_weight: λ_L2, of the *sum* of squared changes.
        identity_weight: λ_ID; 0 leaves faces out, as for other things than faces.
        pixel_weight: λ_px, of the *mean* absolute difference between the pictures; not of the paper, 0 there.
        jitter: CLIP sees noise of this deviation, and shifts by up to half this share of a side; 0 in the paper.
    """

    steps: int = 300
    learning_rate: float = 0.1
    l2_weight: float = 0.008
    identity_weight: float = 0.0
    pixel_weight: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps={self.steps} is out of range: give 1 or more")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate={self.learning_rate} is out of range: give more than 0")
        check_weights(l2_weight=self.l2_weight, identity_weight=self.identity_weight, pixel_weight=self.pixel_weight)
        if not 0 <= self.jitter <= 1:
            raise ConfigError(f"jitter={self.jitter} is out of range: give 0 to 1")


@dataclass(frozen=True)
class OptimizeStep:
    """What a step saw, before its update, one value a row.

    Attributes:
        step: counted from 0; the last one's picture is the result.
        codes: detached.
        image: (b, 3, h, w) in [-1, 1].
        clip, l2, identity, pixels: the four distances, without their weights; identity is 0 without a weight.
        learning_rate: of the update that follows.
    """

    step: int
    codes: Codes
    image: Image
    clip: Float[Tensor, " b"]
    l2: Float[Tensor, " b"]
    identity: Float[Tensor, " b"]
    pixels: Float[Tensor, " b"]
    learning_rate: float


def learning_rate_at(step: int, steps: int, base: float) -> float:
    """Up in a line over the first 5 %, down along a cosine over the last 25 % (Karras et al. 2020, appendix D)."""
    t = step / steps
    down = min(1.0, (1 - t) / RAMP_DOWN)
    return base * (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, t / RAMP_UP)


def pair_up(codes: Sequence[Tensor], texts: Float[Tensor, "p e"]) -> tuple[Codes, Float[Tensor, "b e"]]:
    """Every code with every text: the rows of code 0 with all texts first."""
    images, prompts = len(codes[0]), len(texts)
    return [code.repeat_interleave(prompts, 0) for code in codes], texts.repeat(images, 1)


def optimize_latents(
    start: Sequence[Tensor],
    texts: ImageEmbeds,
    synthesize: Synthesis,
    clip: ClipView,
    settings: OptimizeSettings,
    *,
    arcface: FaceIdentity | None = None,
    frozen: Collection[int] = (),
) -> Iterator[OptimizeStep]:
    """Changes each row of codes towards its text; a row comes out as it would alone.

    Args:
        start: W+ as a list of one tensor, or StyleSpace; not changed.
        texts: (b, e) embeddings, one a row (`pair_up` for all with all), or (1, e) for all rows.
        synthesize: the generator. Its parameters should not ask for gradients: that saves over a third of the time.
        arcface: needed with ``identity_weight``.
        frozen: indices of codes that stay, `to_rgb_styles` in StyleSpace.

    Raises:
        ConfigError: ``identity_weight`` without ``arcface``, as many texts as fit no row, or a loss that is no number.
    """
    rows = len(start[0])
    arcface = required_identity_network(settings.identity_weight, arcface)
    if len(texts) not in (1, rows):
        raise ConfigError(f"{len(texts)} texts for {rows} codes: give one, or as many as codes")
    texts = texts.expand(rows, -1)
    codes = [code.detach().clone().requires_grad_(index not in frozen) for index, code in enumerate(start)]
    optimizer = torch.optim.Adam([code for code in codes if code.requires_grad], lr=settings.learning_rate)
    origin = faces = None
    rng = torch.Generator().manual_seed(0)
    for step in range(settings.steps):
        rate = learning_rate_at(step, settings.steps, settings.learning_rate)
        optimizer.param_groups[0]["lr"] = rate
        image = synthesize(codes)
        if origin is None:  # the codes are still those that came
            origin = image.detach()
            faces = _embed_faces(arcface, origin) if arcface else None
        clip_distance = clip.distance(jittered(image, settings.jitter, rng), texts)
        l2 = sum_of_squares(codes, start)
        identity = torch.zeros_like(l2)
        if faces is not None and arcface is not None:
            identity = identity_distance(arcface.embed_faces(image), faces)
        pixels = (image - origin).abs().flatten(1).mean(1)
        # summed over rows: each then gets the gradient it would get alone
        kept = settings.l2_weight * l2 + settings.identity_weight * identity + settings.pixel_weight * pixels
        loss = (clip_distance + kept).sum()
        check_finite(loss)
        yield OptimizeStep(
            step,
            [code.detach().clone() for code in codes],
            image.detach(),
            clip_distance.detach(),
            l2.detach(),
            identity.detach(),
            pixels.detach(),
            rate,
        )
        if step == settings.steps - 1:
            return  # the published result is the picture before the last update
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def sum_of_squares(codes: Sequence[Tensor], start: Sequence[Tensor]) -> Float[Tensor, " b"]:
    """‖w − w_s‖² of each row, over all of its codes."""
    squares = [(code - origin).square().flatten(1).sum(1) for code, origin in zip(codes, start, strict=True)]
    return torch.stack(squares).sum(0)


@torch.no_grad()
def _embed_faces(arcface: FaceIdentity, images: Image) -> Tensor:
    return arcface.embed_faces(images)
