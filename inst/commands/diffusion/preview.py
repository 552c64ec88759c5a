"""A look at what is being learned, at no more than a twentieth of the time."""

from __future__ import annotations

import time
from pathlib import Path

from inst.commands.common.inputs import demo_photo
from inst.diffusion.transport import patch_distribution
from inst.image import from_pil, write_image
from inst.inversion.train import Training
from inst.pipelines.session import Session
from inst.transfer.photo import PhotoSettings, StyleConditioning, stylize

SHARE = 0.05
STEPS = 10


class Preview:
    """Stylizes a packaged photo with the vectors of the moment, whenever the time for it has been earned."""

    def __init__(self, session: Session, path: Path) -> None:
        self.session, self.path = session, path
        self.started = time.monotonic()
        self.spent = 0.0
        self.last: float | None = None
        self.count = 0

    def offer(self, training: Training) -> None:
        """Make a preview if previews have had less than their share of the time so far."""
        elapsed = time.monotonic() - self.started
        expected = self.last if self.last is not None else 2 * STEPS * elapsed / max(training.step, 1)
        if self.spent + expected > SHARE * elapsed:
            return
        begun = time.monotonic()
        self._write(training)
        self.last = time.monotonic() - begun
        self.spent += self.last
        self.count += 1

    def _write(self, training: Training) -> None:
        model, defaults = self.session.model, self.session.model.defaults
        vectors = training.best_vectors.to(model.placement.device)
        style = StyleConditioning(
            conditioning=training.conditioning(vectors).detach(),
            unconditional=model.text.encode_prompt([""], {}),
            patches=patch_distribution(training.latents[:1]) if defaults.transport else None,
        )
        settings = PhotoSettings(
            strength=defaults.strength,
            num_steps=max(1, round(STEPS / max(defaults.strength, 0.1))),
            guidance_scale=defaults.guidance_scale,
            seed=0,
            sampler="ddim",
            tone=0.0,
            transport=defaults.transport,
            keep_colors=False,
            inversion=True,
            resolution=defaults.resolution,
        )
        *_, last = stylize(model, from_pil(demo_photo(defaults.resolution)), style, settings)
        assert last.images is not None
        write_image(self.path, last.images)
