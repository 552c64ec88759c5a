"""What a CLIP answers about held-back avatars without having been trained to answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from open_clip.model import CLIP
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTokenizer

from miniature.avatars import short_caption
from miniature.avatars.data.dataset import Crowd, Shares
from miniature.avatars.data.questions import QUESTIONS
from miniature.common.tokenizer import tokenize


@torch.no_grad()
def embed_images(model: CLIP, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n e"]:
    """Unit vectors of pictures in [-1, 1]."""
    return torch.cat([model.encode_image(part, normalize=True) for part in pictures.split(100)])


@torch.no_grad()
def embed_texts(model: CLIP, tokenizer: CLIPTokenizer, texts: list[str]) -> Float[Tensor, "n e"]:
    """Unit vectors."""
    return model.encode_text(torch.from_numpy(tokenize(tokenizer, texts)), normalize=True)


def zero_shot(
    model: CLIP, crowd: Crowd, tokenizer: CLIPTokenizer, change: Callable[[Tensor], Tensor] = lambda x: x
) -> Shares:
    """For each question the share of held-back avatars answered rightly, and that of the commonest answer.

    A question that none of them is asked is left out.

    Args:
        change: done to the pictures first.
    """
    seen = embed_images(model, change(crowd.pictures(crowd.held)))
    out = {}
    for name, question in QUESTIONS.items():
        texts, meant = list(question.texts), list(question.texts.values())
        wanted = [question.answer(crowd.attributes[row]) for row in crowd.held]
        nearest = (seen @ embed_texts(model, tokenizer, texts).T).argmax(1).tolist()
        pairs = [(meant[index], right) for index, right in zip(nearest, wanted, strict=True) if right is not None]
        if pairs:
            commonest = max(Counter(right for _, right in pairs).values()) / len(pairs)
            out[name] = (float(np.mean([given == right for given, right in pairs])), commonest)
    return out


def middle(model: CLIP, crowd: Crowd, tokenizer: CLIPTokenizer, text: str = "a face") -> tuple[float, float]:
    """Cosine of a text with the mean embedding of short captions, and the mean cosine of one such caption with it."""
    rng = np.random.default_rng(2)
    others = embed_texts(model, tokenizer, [short_caption(crowd.attributes[row], rng) for row in crowd.held])
    mean = functional.normalize(others.mean(0), dim=0)
    return float(embed_texts(model, tokenizer, [text])[0] @ mean), float((others @ mean).mean())
