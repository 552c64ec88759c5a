"""Initial values of the token vectors: those of words that describe the painting, or random ones.

Starting from related words instead of random vectors makes training many times shorter (compare Cross Initialization,
Pang et al. 2024).
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
    """The ``count`` words of ``STYLE_WORDS`` most similar to a painting, the most similar first, by CLIP similarity.

    The mean embedding of all words is subtracted first, because some words are similar to every image.

    Args:
        clip: any CLIP model.
        image: the painting (1, 3, h, w), sRGB in [-1, 1].
        count: number of words.
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
    """The token vectors from which training starts.

    Args:
        word_vectors: returns the token vectors of a word in the vocabulary, one for each token of the word.
        init: ``painting`` starts each vector from one of the words most similar to the painting; ``random`` starts from
            random directions, with the norm of a word's vectors.
        num_vectors: number n of token vectors.
        clip: the CLIP model that compares words with the painting.
        image: the painting (1, 3, h, w), sRGB in [-1, 1].
        generator: for random directions, on the CPU.
    """
    if init == "painting":
        words = nearest_style_words(clip, image, num_vectors)
        return torch.stack([word_vectors(word).float().mean(0) for word in words])
    sample = word_vectors("painting").float()
    noise = torch.randn(num_vectors, sample.shape[1], generator=generator).to(sample.device)
    return noise * sample.norm(dim=-1).mean() / noise.norm(dim=-1, keepdim=True)
