"""What the U-Net sees under the noise as it learns, and what it shall make of it.

A picture's own strokes show through the noise, so a U-Net that only ever restores pictures learns to read the manner
from them, not from the prompt. At use it is a photo that shows through: the prompt has to say the manner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from miniature.common.losses import latent_texture
from miniature.diffusion.data.dataset import draw
from miniature.diffusion.embed import Features, Resident

Rng = np.random.Generator
Row = dict[str, Any]
FAITHFUL = 0.35
"""Share of samples that are plain diffusion: what is hidden is what is wanted."""
UNPAIRED = 0.7
"""Share of paintings in whose manner a photo of something else is wanted."""
LEAST_WEIGHT, TEXTURE = 0.15, 4.0
COARSE, FINE, UNPAIRED_TEXTURE = 2, 0.2, 0.5
"""Of such photos: latent pixels a side that their composition is kept by, the weight of what is finer, and the share of
the weight that patches have elsewhere."""


class Samples(NamedTuple):
    """Pictures in latents, (b, 4, h, w) each.

    Attributes:
        rows: what each is, as captions say it.
        wanted: what shall be made.
        source: what it is made of: the photo that a rendering was drawn from.
        manner: whose patches it shall have.
        unpaired: (b,) where no picture shows what the source looks like painted. Wanted is then the source in the
            painting's palette, which is right in composition and colour alone.
    """

    rows: list[Row]
    wanted: Tensor
    source: Tensor
    manner: Tensor
    unpaired: Tensor

    @classmethod
    def of(cls, rows: list[Row], wanted: Tensor, source: Tensor) -> Samples:
        """Every picture in its own manner."""
        return cls(rows, wanted, source, wanted, torch.zeros(len(rows), dtype=torch.bool, device=wanted.device))


def unpair(samples: Samples, features: Features | Resident, groups: dict[str, list[list[Row]]], rng: Rng) -> Samples:
    """Photos of something else under most of the paintings.

    Of a rendering it is known what it was drawn from, of a painting it is not: without this no photo ever comes under a
    painting's word, and at use the word says colours but no handwriting.
    """
    at = [i for i, row in enumerate(samples.rows) if row["kind"] == "painting" and rng.random() < UNPAIRED]
    if not at:
        return samples
    photos = [_photo(features, groups, rng) for _ in at]
    device, (height, width) = samples.wanted.device, samples.wanted.shape[2:]
    source, _ = (part.to(device) for part in features.latents_of([r["row"] for r in photos], (height, width), rng))
    mean, deviation = (part.to(device) for part in features.palette_of([r["row"] for r in photos]))
    own_mean, own_deviation = (part.to(device) for part in features.palette_of([samples.rows[i]["row"] for i in at]))
    rows = list(samples.rows)
    for i, photo in zip(at, photos, strict=True):
        rows[i] = rows[i] | {"content": photo["content"]}
    where = torch.tensor(at, device=device)
    return samples._replace(
        rows=rows,
        wanted=samples.wanted.index_copy(0, where, (source - mean) / deviation * own_deviation + own_mean),
        source=samples.source.index_copy(0, where, source),
        unpaired=samples.unpaired.index_fill(0, where, True),
    )


def _photo(features: Features | Resident, groups: dict[str, list[list[Row]]], rng: Rng) -> Row:
    while True:
        photo, _ = draw(groups, {"photo": 1.0}, rng)
        if features.ready(photo["row"]):
            return photo


class Sight(NamedTuple):
    """What the U-Net sees under the noise, and what it shall make of it.

    Attributes:
        manner: whose patches it shall have; ``None`` takes ``wanted``'s.
        unpaired: (b,) where ``wanted`` is right in composition and colour alone; ``None`` for nowhere.
    """

    shown: Tensor
    wanted: Tensor
    manner: Tensor | None = None
    unpaired: Tensor | None = None

    @property
    def differ(self) -> Tensor:
        """(b,) in which samples these are not the same."""
        return (self.shown - self.wanted).flatten(1).abs().amax(1) > 0


def sights(samples: Samples, prompts: Sequence[str], t: Tensor, rng: Rng) -> Sight:
    """In most samples that were drawn from a photo the noise hides that photo, or something between the two.

    The stochastic inversion starts as far beyond the photo (a share of 2); near the end of sampling most is done.
    Without a prompt the photo is restored.
    """
    device, count = samples.wanted.device, len(samples.wanted)
    share = torch.from_numpy(np.where(rng.random(count) < FAITHFUL, 0.0, rng.uniform(0.2, 2.1, count)))
    # a picture that nobody painted is not restored
    share = torch.where(samples.unpaired.cpu() & (share == 0), torch.ones_like(share), share)
    share = share * (t / 400).clamp(max=1)
    empty = torch.tensor([not prompt for prompt in prompts])
    share = torch.where(empty, share > 0, share).float().view(-1, 1, 1, 1).to(device)
    empty = empty.to(device)
    shown = samples.wanted + share * (samples.source - samples.wanted)
    wanted = torch.where(empty.view(-1, 1, 1, 1), shown, samples.wanted)
    unpaired = samples.unpaired & ~empty
    return Sight(shown, wanted, torch.where(unpaired.view(-1, 1, 1, 1), samples.manner, wanted), unpaired)


def picture_loss(guess: Tensor, sight: Sight, signal: Tensor) -> Tensor:
    """Squared error of the clean latents, weighed as min-SNR 5 does (Hang et al. 2023); where a manner has to be
    invented, much noise weighs more, and the patches' distribution counts beside their places."""
    snr = (signal / (1 - signal)).flatten()
    differ = sight.differ
    weight = torch.where(differ, snr.clamp(LEAST_WEIGHT, 1.5), snr.clamp(max=5.0))
    error = (guess - sight.wanted).square().mean((1, 2, 3))
    texture_weight = TEXTURE * weight.clamp(max=1.0)
    if sight.unpaired is not None:
        coarse = functional.avg_pool2d(guess - sight.wanted, COARSE).square().mean((1, 2, 3))
        error = torch.where(sight.unpaired, coarse + FINE * error, error)
        texture_weight = torch.where(sight.unpaired, UNPAIRED_TEXTURE * texture_weight, texture_weight)
    loss = (weight * error).mean()
    if differ.any():
        manner = sight.wanted if sight.manner is None else sight.manner
        texture = latent_texture(guess[differ], manner[differ])
        loss = loss + (texture_weight[differ] * texture).sum() / len(guess)
    return loss
