"""What stylizing and text to image share: the steps that a caller sees, and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import PIL.Image
import torch
from jaxtyping import Float
from torch import Tensor

from inst.image import restore, to_pil
from inst.models.latent_diffusion import LatentDiffusion
from inst.training.progress import with_bar
from inst.transfer.photo import PictureStep


@dataclass(frozen=True)
class SamplingStep:
    """One step of making pictures; the last one of each group has them.

    Attributes:
        step: steps done so far, from 1.
        total: of how many.
        images: the finished pictures, as PIL images; ``None`` before the last step.
        tensor: the same as (b, 3, h, w) in [-1, 1]; ``None`` before the last step.

    >>> import inst
    >>> from skimage import data
    >>> steps = inst.stylize_steps(data.chelsea(), "night", strength=0.5, num_steps=4, resolution=64)
    >>> first = next(steps)
    >>> first.step, first.total, first.preview().size
    (1, 3, (451, 300))
    """

    step: int
    total: int
    images: list[PIL.Image.Image] | None
    tensor: Float[Tensor, "b 3 h w"] | None
    _model: LatentDiffusion
    _step: PictureStep

    @torch.no_grad()
    def preview(self) -> PIL.Image.Image:
        """The first picture as the model expects it at this step: the clean latents it predicts, decoded.

        Decoding costs time, so nothing is decoded unless this is called.
        """
        if self.images is not None:
            return self.images[0]
        assert self._step.x0 is not None
        image = self._model.decode(self._step.x0[:1]).float().cpu()
        return to_pil(image if self._step.back is None else restore(image, self._step.back))


def picture_steps(
    model: LatentDiffusion, steps: Iterable[PictureStep], first: int = 0, total: int | None = None
) -> Iterator[SamplingStep]:
    """The steps of one group of pictures as a caller sees them.

    Args:
        first, total: steps of the groups before, and of all groups, where there are several.
    """
    for step in steps:
        images = None
        if step.images is not None:
            images = [to_pil(image) for image in step.images.split(1)]
        yield SamplingStep(first + step.step, total or step.total, images, step.images, model, step)


def last_images(steps: Iterable[SamplingStep], *, progress: bool, what: str) -> list[PIL.Image.Image]:
    """Run the steps to their end, with a progress bar where it is wanted, and collect all pictures."""
    return [image for step in with_bar(steps, what, show=progress) for image in step.images or []]
