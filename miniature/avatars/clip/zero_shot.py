"""Zero-shot accuracy of a CLIP on held-out avatars."""

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
from miniature.avatars.data.dataset import Accuracies, AvatarDataset
from miniature.avatars.data.questions import QUESTIONS
from miniature.common.tokenizer import tokenize


@torch.no_grad()
def embed_images(model: CLIP, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n e"]:
    """Normalised embeddings of images in [-1, 1]."""
    return torch.cat([model.encode_image(part, normalize=True) for part in images.split(100)])


@torch.no_grad()
def embed_texts(model: CLIP, tokenizer: CLIPTokenizer, texts: list[str]) -> Float[Tensor, "n e"]:
    """Normalised embeddings of texts."""
    return model.encode_text(torch.from_numpy(tokenize(tokenizer, texts)), normalize=True)


def zero_shot(
    model: CLIP, dataset: AvatarDataset, tokenizer: CLIPTokenizer, transform: Callable[[Tensor], Tensor] = lambda x: x
) -> Accuracies:
    """For each question the accuracy on held-out avatars, and the share of the most common answer.

    Questions that apply to none of them are left out.

    Args:
        transform: applied to the images first.
    """
    image_embeds = embed_images(model, transform(dataset.images(dataset.held_out)))
    accuracies = {}
    for name, question in QUESTIONS.items():
        texts, answers = list(question.texts), list(question.texts.values())
        correct = [question.answer(dataset.attributes[row]) for row in dataset.held_out]
        nearest = (image_embeds @ embed_texts(model, tokenizer, texts).T).argmax(1).tolist()
        pairs = [(answers[index], right) for index, right in zip(nearest, correct, strict=True) if right is not None]
        if pairs:
            most_common = max(Counter(right for _, right in pairs).values()) / len(pairs)
            accuracies[name] = (float(np.mean([given == right for given, right in pairs])), most_common)
    return accuracies


def caption_centre(
    model: CLIP, dataset: AvatarDataset, tokenizer: CLIPTokenizer, text: str = "a face"
) -> tuple[float, float]:
    """Cosine similarity to the mean embedding of short captions: of a text, and the mean of the captions themselves."""
    rng = np.random.default_rng(2)
    captions = embed_texts(model, tokenizer, [short_caption(dataset.attributes[row], rng) for row in dataset.held_out])
    mean = functional.normalize(captions.mean(0), dim=0)
    return float(embed_texts(model, tokenizer, [text])[0] @ mean), float((captions @ mean).mean())
