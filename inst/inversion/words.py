"""Where the vectors of ``[C]`` start: at words that already mean something like the painting.

Starting near the meaning instead of at random shortens learning many times (Cross Initialization; see the docs).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from inst.clip.backbone import ClipBackbone
from inst.shapes import Image, TokenVectors

STYLE_WORDS = (
    "painting", "oil", "watercolor", "sketch", "drawing", "pencil", "charcoal", "pastel", "ink", "woodcut", "etching",
    "engraving", "lithograph", "poster", "mosaic", "collage", "fresco", "mural", "graffiti", "comic", "anime",
    "cartoon", "illustration", "impressionism", "expressionism", "cubism", "surrealism", "abstract", "baroque",
    "renaissance", "romanticism", "realism", "minimalism", "pointillism", "modernism", "gothic", "medieval",
    "japanese", "chinese", "persian", "portrait", "landscape", "geometric", "swirling", "bold", "delicate", "dark",
    "bright", "pale", "golden", "blue", "red", "green", "monochrome", "colorful", "textured", "flat", "rough", "soft",
)  # fmt: skip


@torch.no_grad()
def nearest_style_words(clip: ClipBackbone, image: Image, count: int) -> list[str]:
    """The ``count`` style words nearest to the painting, nearest first, by CLIP's cosine similarity.

    Similarities are taken after the mean word's is removed: some words are near to every picture.
    """
    texts = clip.embed_text([f"a painting, {word}" for word in STYLE_WORDS]).float()
    texts = torch.nn.functional.normalize(texts, dim=-1)
    image_embeds = torch.nn.functional.normalize(clip.embed_images(image).float(), dim=-1)
    similarity = ((texts - texts.mean(0)) @ image_embeds.T).squeeze(1)
    return [STYLE_WORDS[i] for i in similarity.topk(count).indices.tolist()]


@torch.no_grad()
def start_vectors(
    word_vectors: Callable[[str], Float[Tensor, "m d"]],
    *,
    init: str,
    num_vectors: int,
    clip: ClipBackbone,
    image: Image,
    generator: torch.Generator,
) -> TokenVectors:
    """The vectors that learning starts from.

    Args:
        word_vectors: the text encoder's own vectors of a word (several where the word is split).
        init: ``painting``: one near word a vector; ``random``: the vocabulary's scale in a random direction.
    """
    if init == "painting":
        words = nearest_style_words(clip, image, num_vectors)
        return torch.stack([word_vectors(word).float().mean(0) for word in words])
    sample = word_vectors("painting").float()
    noise = torch.randn(num_vectors, sample.shape[1], generator=generator).to(sample.device)
    return noise * sample.norm(dim=-1).mean() / noise.norm(dim=-1, keepdim=True)
