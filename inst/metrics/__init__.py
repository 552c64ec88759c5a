"""Metrics of style transfer: how close a result is to the style of a painting, and to the layout of a photo.

| function | compares | range | better |
| --- | --- | --- | --- |
| :func:`color_distance` | colour patches with the painting | 0 or more | lower |
| :func:`stroke_distance` | brush strokes with the painting, ignoring colour and contrast | 0 or more | lower |
| :func:`clip_similarity` | CLIP embeddings with the painting | -1 to 1 | higher |
| :func:`edge_distance` | edges with the photo | 0 to 2 | lower |
| :func:`self_similarity_distance` | spatial layout of CLIP features with the photo | 0 to 2 | lower |

Colour patches can be matched to a large extent by transferring the palette alone. Report strokes beside them, and as a
baseline the scores of :func:`inst.colour.transfer_mean_covariance`, which transfers nothing but colour. All functions
are deterministic, and take images as float tensors, sRGB in [-1, 1], of any size.

>>> import torch
>>> from skimage import data
>>> from inst.image import as_picture
>>> painting, photo = as_picture(data.coffee()).image, as_picture(data.chelsea()).image
>>> color_distance(photo, painting) > color_distance(photo, photo) == 0
True
"""

from inst.metrics.content import (
    edge_distance,
    edge_map,
    pearson_correlation,
    self_similarity,
    self_similarity_distance,
)
from inst.metrics.style import (
    Signature,
    clip_similarity,
    color_distance,
    color_signature,
    luminance,
    signature_distance,
    stroke_distance,
    stroke_signature,
)

__all__ = [
    "Signature",
    "clip_similarity",
    "color_distance",
    "color_signature",
    "edge_distance",
    "edge_map",
    "luminance",
    "pearson_correlation",
    "self_similarity",
    "self_similarity_distance",
    "signature_distance",
    "stroke_distance",
    "stroke_signature",
]
