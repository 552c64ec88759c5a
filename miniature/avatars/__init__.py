"""Cartoon faces drawn in code, for a GAN to learn: `draw(sample(rng), rng)`; `python -m miniature.avatars --help`."""

from miniature.avatars.data.attributes import CHOICES, EXPRESSION, Attributes, another_expression, labels, sample
from miniature.avatars.data.captions import caption, short_caption
from miniature.avatars.drawing.portrait import draw, landmarks

__all__ = [
    "CHOICES",
    "EXPRESSION",
    "Attributes",
    "another_expression",
    "caption",
    "draw",
    "labels",
    "landmarks",
    "sample",
    "short_caption",
]
