"""Avatars: cartoon faces drawn in code, `draw(sample(rng), rng)`, and the networks trained on them.

`python -m miniature.avatars` draws the training data.
"""

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
