"""Distances of a result to its painting and to its photo, and statistics over many pairs. Lower is closer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from inst.clip.backbone import ClipBackbone
from inst.metrics.content import EDGE_SIDES, edge_map, pearson_correlation, self_similarity
from inst.metrics.style import Signature, color_signature, signature_distance, stroke_signature
from inst.shapes import Image

STYLE_SCORES = ("colour", "strokes", "CLIP")
CONTENT_SCORES = ("edges", "layout")
SCORES = STYLE_SCORES + CONTENT_SCORES
DISTANCE_NAMES = {
    "colour": "colour distance",
    "strokes": "stroke distance",
    "CLIP": "CLIP distance",
    "edges": "edge distance",
    "layout": "layout distance",
}
"""Full names; columns of tables have the short ones."""
Scores = dict[str, float]


@dataclass(frozen=True)
class StyleFeatures:
    """Features of an image that are compared with those of a painting."""

    colour: Signature
    strokes: Signature
    embeds: Tensor

    def distances(self, other: StyleFeatures) -> Scores:
        """Sliced Wasserstein distances of colour and stroke patches; 1 − cosine similarity of CLIP embeddings."""
        return {
            "colour": signature_distance(self.colour, other.colour),
            "strokes": signature_distance(self.strokes, other.strokes),
            "CLIP": 1 - functional.cosine_similarity(self.embeds, other.embeds).item(),
        }


@dataclass(frozen=True)
class ContentFeatures:
    """Features of an image that are compared with those of a photo."""

    edges: tuple[Tensor, ...]
    cells: Tensor

    def distances(self, other: ContentFeatures) -> Scores:
        """1 − correlation of gradient magnitudes, and of the self-similarities of CLIP patches."""
        correlations = [pearson_correlation(*pair) for pair in zip(self.edges, other.edges, strict=True)]
        return {
            "edges": 1 - sum(correlations) / len(correlations),
            "layout": 1 - pearson_correlation(self.cells, other.cells),
        }


@torch.no_grad()
def style_features(image: Image, clip: ClipBackbone) -> StyleFeatures:
    """Colour and stroke signatures and the CLIP embedding of an image."""
    return StyleFeatures(color_signature(image), stroke_signature(image), clip.embed_images(image).cpu())


def content_features(image: Image, clip: ClipBackbone) -> ContentFeatures:
    """Gradient magnitudes and the self-similarity of CLIP patches of an image."""
    return ContentFeatures(tuple(edge_map(image, side) for side in EDGE_SIDES), self_similarity(clip, image))


def score(image: Image, painting: StyleFeatures, photo: ContentFeatures, clip: ClipBackbone) -> Scores:
    """All five distances of a result."""
    return style_features(image, clip).distances(painting) | content_features(image, clip).distances(photo)


def share_closer(rows: Sequence[dict[str, Any]], method: str, other: str, name: str) -> float:
    """Share of pairs in which ``method`` is closer than ``other``; ties count half."""
    gaps = [row["scores"][other][name] - row["scores"][method][name] for row in rows]
    return sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps)


def mean_distance(rows: Sequence[dict[str, Any]], method: str, name: str) -> float:
    """Mean distance over all pairs."""
    return sum(row["scores"][method][name] for row in rows) / len(rows)


def is_retrieved(own: float, others: Sequence[float]) -> bool:
    """Whether the correct candidate is closer than every other one."""
    return all(own < other for other in others)


def is_monotone(values: Sequence[float], *, rising: bool) -> bool:
    """Whether values never fall (``rising``) or never rise."""
    signed = values if rising else [-value for value in values]
    return all(first <= second for first, second in pairwise(signed))
