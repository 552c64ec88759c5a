"""Distances of a result to its painting and its photo, and what they come to over many pairs. Lower is nearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.metrics.content import EDGE_SIDES, correlation, edges, self_similarity
from inst.metrics.style import Signature, color_signature, signature_distance, stroke_signature
from inst.shapes import Image

STYLE_SCORES = ("colour", "strokes", "CLIP")
CONTENT_SCORES = ("edges", "layout")
SCORES = STYLE_SCORES + CONTENT_SCORES
Scores = dict[str, float]


@dataclass(frozen=True)
class Manner:
    """What of a picture is compared with a painting."""

    colour: Signature
    strokes: Signature
    embeds: Tensor

    def distances(self, other: Manner) -> Scores:
        """Sliced Wasserstein of colour patches and of strokes; 1 − cosine of CLIP embeddings."""
        return {
            "colour": signature_distance(self.colour, other.colour),
            "strokes": signature_distance(self.strokes, other.strokes),
            "CLIP": 1 - functional.cosine_similarity(self.embeds, other.embeds).item(),
        }


@dataclass(frozen=True)
class Layout:
    """What of a picture is compared with a photo."""

    edges: tuple[Tensor, ...]
    cells: Tensor

    def distances(self, other: Layout) -> Scores:
        """1 − correlation of gradient magnitudes; the same of the self-similarity of CLIP's patches."""
        same = [correlation(*pair) for pair in zip(self.edges, other.edges, strict=True)]
        return {"edges": 1 - sum(same) / len(same), "layout": 1 - correlation(self.cells, other.cells)}


@torch.no_grad()
def manner_of(image: Image, clip: ClipBackbone) -> Manner:
    """A picture's manner."""
    return Manner(color_signature(image), stroke_signature(image), clip.embed_images(image).cpu())


def layout_of(image: Image, clip: ClipBackbone) -> Layout:
    """A picture's layout."""
    return Layout(tuple(edges(image, side) for side in EDGE_SIDES), self_similarity(clip, image))


def score(image: Image, painting: Manner, photo: Layout, clip: ClipBackbone) -> Scores:
    """All five distances of a result."""
    return manner_of(image, clip).distances(painting) | layout_of(image, clip).distances(photo)


def share_nearer(rows: Sequence[dict[str, Any]], method: str, other: str, name: str) -> float:
    """The share of pairs in which ``method`` is nearer than ``other``; ties count half."""
    gaps = [row["scores"][other][name] - row["scores"][method][name] for row in rows]
    return sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps)


def mean_score(rows: Sequence[dict[str, Any]], method: str, name: str) -> float:
    """The mean distance over all pairs."""
    return sum(row["scores"][method][name] for row in rows) / len(rows)


def is_named(own: float, others: Sequence[float]) -> bool:
    """Whether the right one is nearer than every other."""
    return all(own < other for other in others)


def is_monotone(values: Sequence[float], *, rising: bool) -> bool:
    """Whether values only rise, or only fall."""
    signed = values if rising else [-value for value in values]
    return all(first <= second for first, second in pairwise(signed))
