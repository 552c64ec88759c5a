"""Latent optimisation: a code is optimised until its picture matches a text.

Patashnik et al. 2021, section 4, equation 1: ``argmin D_CLIP(G(w), t) + λ_L2 ‖w − w_s‖² + λ_ID L_ID(w)``. Two additions
are off by default. ``+ λ_px |G(w) − G(w_s)|`` is an L1 loss on pixels: unlike the L2 loss on codes, which spreads a
change over the whole picture, it favours changes to few pixels, so that glasses appear and the hair stays. Jitter adds
noise and shifts, drawn anew for every step, to what CLIP sees (`losses.jittered`).
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
from inst.gan.losses import ClipView, check_finite, jittered, required_identity_network
from inst.gan.settings import OptimizeSettings
from inst.perceptual.arcface import identity_distance
from inst.perceptual.identity import FaceIdentity
from inst.shapes import Image, ImageEmbeds

RAMP_UP, RAMP_DOWN = 0.05, 0.25


@dataclass(frozen=True)
class OptimizeStep:
    """The state of a step before its update, with one value per row of the batch.

    Attributes:
        step: counted from 0; the picture of the last step is the result.
        codes: detached.
        image: (b, 3, h, w) in [-1, 1].
        clip, l2, identity, pixels: the four loss terms, unweighted; identity is 0 where its weight is 0.
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
    """Linear warm-up over the first 5 %, cosine decay over the last 25 % (Karras et al. 2020, appendix D)."""
    t = step / steps
    down = min(1.0, (1 - t) / RAMP_DOWN)
    return base * (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, t / RAMP_UP)


def pair_up(codes: Sequence[Tensor], texts: Float[Tensor, "p e"]) -> tuple[Codes, Float[Tensor, "b e"]]:
    """Every code paired with every text: first the rows of code 0 with all texts."""
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
    """Optimise each row of codes for its text. The result of a row does not depend on the other rows of the batch.

    Args:
        start: W+ as a list of one tensor, or StyleSpace; not changed in place.
        texts: (b, e) embeddings, one per row (`pair_up` pairs all with all), or (1, e) for all rows.
        synthesize: the generator. Its parameters should not require gradients: that saves over a third of the time.
        settings: ``space`` has no effect here; it says what the caller passes as ``start``.
        arcface: required where ``identity_weight`` is not 0.
        frozen: indices of codes that are not optimised, `to_rgb_styles` in StyleSpace.

    Raises:
        ConfigError: ``identity_weight`` without ``arcface``, a number of texts that does not match the codes, or a loss
            that is NaN or infinite.
    """
    rows, weights = len(start[0]), settings.weights()
    arcface = required_identity_network(weights.identity, arcface)
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
        if origin is None:  # the codes have not been updated yet
            origin = image.detach()
            faces = _embed_faces(arcface, origin) if arcface else None
        clip_distance = clip.distance(jittered(image, weights.jitter, rng), texts)
        l2 = sum_of_squares(codes, start)
        identity = torch.zeros_like(l2)
        if faces is not None and arcface is not None:
            identity = identity_distance(arcface.embed_faces(image), faces)
        pixels = (image - origin).abs().flatten(1).mean(1)
        # summed over rows, so that each row gets the gradient it would get alone
        kept = weights.l2 * l2 + weights.identity * identity + weights.pixels * pixels
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
