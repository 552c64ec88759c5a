"""A model with learned styles, as the quality measurements use it: learn a painting once, then stylize or generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

import inst
from inst.files.names import safe_name
from inst.image import Picture
from inst.inversion.prepare import learning_identity, model_defaults
from inst.inversion.settings import resolve
from inst.shapes import Image
from inst.transfer import photo as photos
from inst.transfer.prompts import encode_styled

Method = Literal["attention", "direct"]


class StyleTransfer:
    """A loaded model and the styles learned with it.

    Attributes:
        folder: cache of learned styles, so that a restarted measurement does not learn them again.
        train_steps, num_steps: training and sampling steps for quick trials; ``None`` for the model's defaults.
    """

    def __init__(
        self, session: inst.Session, folder: Path, *, train_steps: int | None = None, num_steps: int | None = None
    ) -> None:
        self.session = session
        self.folder = folder
        self.train_steps = train_steps
        self.num_steps = num_steps

    @property
    def photo_size(self) -> int:
        """Side of the square photos in pixels: the model's resolution, and at least the 256 of the measures."""
        return max(256, self.session.defaults.resolution)

    def learn(self, painting: Picture, method: Method = "attention") -> inst.StyleToken:
        """The painting's style, learned with the default preset; ``direct`` is plain textual inversion."""
        settings = inst.InversionSettings(method=method, max_train_steps=self.train_steps)
        path = self._style_path(painting, settings)
        if path.is_file():
            return inst.load_style(path)
        style = inst.learn_style(
            painting, self.session, name=path.stem, method=method, max_train_steps=self.train_steps
        )
        style.save(path)
        return style

    def _style_path(self, painting: Picture, settings: inst.InversionSettings) -> Path:
        """Where a style is cached: named after the painting, and after everything that the style depends on."""
        model = self.session.model
        identity = learning_identity(resolve(settings, model_defaults(model)), model, painting)
        return self.folder / f"{safe_name(painting.path.stem)}-{identity[:10]}.safetensors"

    def stylize(self, photo: Image, style: inst.StyleToken | None, **settings: Any) -> Image:
        """Stylize a photo with a style, or with the model's plain prompt if there is none.

        Args:
            settings: fields of ``inst.StylizeSettings`` that differ from the defaults.
        """
        *_, last = inst.stylize_steps(photo, style, model=self.session, **{"num_steps": self.num_steps, **settings})
        assert last.tensor is not None
        return last.tensor

    def stylize_with_patches(self, photo: Image, style: inst.StyleToken) -> Image:
        """Stylize a photo with the model's plain prompt and the patches of a style, without its token."""
        model, plain = self.session.model, self.session.defaults.plain_prompt
        conditioning = photos.StyleConditioning(
            conditioning=encode_styled(model, plain, [], plain),
            unconditional=encode_styled(model, "", [], plain),
            patches=style.patches,
        )
        settings = inst.Stylizer(None, self.session, num_steps=self.num_steps).settings
        *_, last = photos.stylize(model, photo, conditioning, settings)
        assert last.images is not None
        return last.images

    def generate(self, prompt: str, style: inst.StyleToken | None) -> Image:
        """Generate an image at the model's resolution; with a style, the prompt contains ``[C]``."""
        *_, last = inst.generate_steps(prompt, style, model=self.session, num_steps=self.num_steps)
        assert last.tensor is not None
        return last.tensor

    @torch.no_grad()
    def text_distance(self, text: str, image: Image) -> float:
        """1 − CLIP cosine similarity of a text and an image."""
        clip = self.session.clip
        return 1 - torch.cosine_similarity(clip.embed_text([text]), clip.embed_images(image)).item()
