"""Cartoon faces drawn in code, for a GAN to learn: `draw(sample(rng), rng)`; `python -m miniature.avatars --help`."""

from miniature.avatars.attributes import CHOICES, EXPRESSION, Attributes, another_expression, labels, sample
from miniature.avatars.portrait import draw, landmarks
from miniature.avatars.words import caption, short_caption

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
