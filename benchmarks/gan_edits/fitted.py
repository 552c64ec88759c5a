"""How far a straight way in StyleSpace can well go: directions fitted to the judge's own readings.

No method may look at the judge; this one does, and knows for each avatar when to stop. What it does not reach is hardly
to be asked of a global direction of this generator, whatever CLIP chooses it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.gan_edits.attributes import AttributeReader
from benchmarks.gan_edits.counts import RISE, Reading, chance, read
from benchmarks.gan_edits.editing import CONTROLS, Editing
from benchmarks.gan_edits.texts import Asked
from inst.gan.codes import Codes, to_rgb_styles
from inst.gan.editor import synthesis_fn
from inst.gan.styleclip.directions import move
from inst.shapes import Image, WPlus

SHOWS, RISES = "fitted, until it shows", "fitted, until it rises"
CEILINGS = (SHOWS, RISES)
"""Each avatar goes as far as it must for what is asked to be the likeliest, or for its probability to rise at all."""
BESIDE = (*CONTROLS, *CEILINGS)
"""All that stands in the tables and is no method."""
SEED = 500_000
"""Of the avatars that the directions are fitted to; those judged have other ones."""
ALPHAS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
RIDGE, KEEP = 0.5, 10.0
"""Of the regression, in units of a channel's variance; how much the other choices' directions are avoided."""
LEAST = 1e-4


@dataclass
class FittedDirections:
    """Ridge regression of every choice's log-probabilities on StyleSpace, to-RGB styles left out.

    Attributes:
        judged: choices that must be kept.
        count: avatars that the directions are fitted to.
    """

    editing: Editing
    reader: AttributeReader
    judged: Collection[str]
    count: int = 6000
    _fitted: tuple[Tensor, Tensor, Reading] | None = field(default=None, init=False)

    @torch.no_grad()
    def edit(self, how: str, asked: Asked, codes: WPlus) -> tuple[Image, float]:
        """The edited pictures, and the seconds each took.

        Args:
            how: of `CEILINGS`.
        """
        started = time.perf_counter()
        direction = self._direction(asked)
        pictures = torch.cat([self._walk(how, asked, part, direction) for part in codes.split(self.editing.batch)])
        return pictures, (time.perf_counter() - started) / len(codes)

    def _walk(self, how: str, asked: Asked, codes: WPlus, direction: Codes) -> Image:
        generator = self.editing.session.generator
        styles, draw = generator.styles(codes), synthesis_fn(generator)
        steps = [draw(move(styles, direction, alpha)).clamp(-1, 1) for alpha in ALPHAS]
        seen = torch.stack([chance(asked, read(self.reader, pictures)) for pictures in steps])
        before = chance(asked, read(self.reader, draw(styles).clamp(-1, 1)))
        enough = seen >= 0.5 if how == SHOWS else seen - before > 2 * RISE
        chosen = torch.where(enough.any(0), enough.int().argmax(0), seen.argmax(0))
        return torch.stack([steps[step][row].cpu() for row, step in enumerate(chosen.tolist())])

    def _direction(self, asked: Asked) -> Codes:
        """For strength 1 the log-odds of what is asked go up by one deviation, by the fit."""
        styles, deviations, reading = self._fit()
        share = chance(asked, reading).clamp(LEAST, 1 - LEAST)
        others = [reading[name].clamp(min=LEAST).log() for name in self.judged if name != asked.head]
        targets = torch.cat([(share / (1 - share)).log()[:, None], *others], 1).to(styles)
        targets = (targets - targets.mean(0)) / targets.std(0).clamp(min=1e-3)
        covariance = styles.T @ styles / len(styles)
        weights = torch.linalg.solve(covariance + RIDGE * torch.eye(len(covariance)).to(styles), styles.T @ targets)
        weights /= len(styles)
        wanted, avoided = weights[:, 0], weights[:, 1:]
        way = torch.linalg.solve(torch.eye(len(wanted)).to(styles) + KEEP * avoided @ avoided.T, wanted)
        way = way / (way @ wanted) * deviations
        return list(way.split(self.editing.session.generator.config.style_widths))

    def _fit(self) -> tuple[Float[Tensor, "n channels"], Float[Tensor, " channels"], Reading]:
        """Styles in deviations from their mean, the deviations (0 for what stays), and what the judge reads."""
        if self._fitted is None:
            generator, batch = self.editing.session.generator, self.editing.batch
            every, readings = [], []
            for part in self.editing.avatars(self.count, SEED).split(batch):
                styles = generator.styles(part)
                every.append(torch.cat(styles, 1))
                readings.append(read(self.reader, synthesis_fn(generator)(styles).clamp(-1, 1)))
            styles = torch.cat(every)
            widths = generator.config.style_widths
            stays = to_rgb_styles(len(widths))
            moves = torch.cat([torch.full((width,), float(i not in stays)) for i, width in enumerate(widths)])
            moves, spread = moves.to(styles), styles.std(0)
            scaled = (styles - styles.mean(0)) * moves / spread.clamp(min=1e-6)
            reading = {name: torch.cat([one[name] for one in readings]) for name in readings[0]}
            self._fitted = scaled, spread * moves, reading
        return self._fitted
