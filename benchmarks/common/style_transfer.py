"""A model with learned styles, as the quality measurements use it: learn a painting once, then stylize or generate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from inst.commands.diffusion.learn import LearnOptions, kept_path, learn
from inst.commands.diffusion.used_styles import UsedStyle
from inst.pipelines.compose import compose
from inst.stylize.photo import stylize
from inst.stylize.prompts import PLACEHOLDER
from inst.stylize.text_to_image import generate
from inst.training.shared import Stop

from inst.commands.diffusion.options import GenerateRun, ModelOptions, StylizeRun
from inst.commands.diffusion.stylize import photo_settings
from inst.image import Picture
from inst.inversion.settings import InversionSettings
from inst.inversion.token import StyleToken, load_token
from inst.pipelines.session import Session
from inst.shapes import Image

Method = Literal["attention", "direct"]


class StyleTransfer:
    """A loaded model and the styles learned with it.

    Attributes:
        folder: cache of learned styles, so that a restarted measurement does not learn them again.
        train_steps, num_steps: training and sampling steps for quick trials; ``None`` for the model's defaults.
    """

    def __init__(
        self, options: ModelOptions, folder: Path, *, train_steps: int | None = None, num_steps: int | None = None
    ) -> None:
        self.session = Session(options)
        self.folder = folder
        self.train_steps = train_steps
        self.num_steps = num_steps

    @property
    def photo_size(self) -> int:
        """Side of the square photos in pixels: the model's resolution, and at least the 256 of the measures."""
        return max(256, self.session.model.defaults.resolution)

    def learn(self, painting: Picture, method: Method = "attention") -> StyleToken:
        """The painting's style, learned with the default preset; ``direct`` is plain textual inversion."""
        settings = InversionSettings(method=method, max_train_steps=self.train_steps)
        path = kept_path(self.session, painting, settings, self.folder)
        if path.is_file():
            return load_token(path)
        accelerator = Accelerator(cpu=self.session.placement.device.type == "cpu")
        options = LearnOptions(quiet=True)
        return learn(
            self.session, painting, settings, path, accelerator=accelerator, stop=Stop(), options=options
        ).token

    def stylize(
        self, photo: Image, token: StyleToken | None, *, patches_of: StyleToken | None = None, **changes: Any
    ) -> Image:
        """Stylize a photo with a style, or with the model's plain prompt if there is none.

        Args:
            patches_of: a style whose patches are transported although its token is not in the prompt.
            changes: fields of ``StylizeRun`` that differ from the defaults.
        """
        prompt = {} if token else {"prompt": self.session.model.defaults.plain_prompt}
        run = StylizeRun(**{"num_steps": self.num_steps, **prompt, **changes})
        style = compose(self.session, _used_styles(token), run)
        if patches_of is not None:
            style = replace(style, patches=patches_of.patches)
        *_, result = stylize(self.session.model, photo, style, photo_settings(self.session, run))
        assert result is not None
        return result

    def generate(self, prompt: str, token: StyleToken | None) -> Image:
        """Generate an image at the model's resolution; with a style, the prompt contains ``[C]``."""
        defaults = self.session.model.defaults
        style = compose(self.session, _used_styles(token), GenerateRun(prompt=prompt))
        *_, result = generate(
            self.session.model,
            style,
            height=defaults.resolution,
            width=defaults.resolution,
            batch=1,
            seed=0,
            num_steps=self.num_steps or defaults.num_steps,
            guidance_scale=defaults.guidance_scale,
            transport=defaults.transport,
        )
        assert result is not None
        return result

    @torch.no_grad()
    def text_distance(self, text: str, image: Image) -> float:
        """1 − CLIP cosine similarity of a text and an image."""
        clip = self.session.clip
        return 1 - torch.cosine_similarity(clip.embed_text([text]), clip.embed_images(image)).item()


def _used_styles(token: StyleToken | None) -> list[UsedStyle]:
    return [] if token is None else [UsedStyle(token, PLACEHOLDER, 1.0)]
