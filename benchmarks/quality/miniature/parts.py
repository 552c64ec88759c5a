"""The parts of the report other than style transfer: autoencoder, CLIP, text to image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.quality.miniature.images import TestImages, held_out_styles, to_tensor, trained_styles
from benchmarks.quality.miniature.style_classifier import StyleClassifier, features
from inst.clip.backbone import ClipBackbone
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Image
from miniature.common.losses import gradient_energy
from miniature.common.words import with_article
from miniature.diffusion.data.nouns import evaluated_nouns
from miniature.painting.styles import STYLES

WORDS = evaluated_nouns()
Metadata = dict[str, Any]


@torch.no_grad()
def autoencoder(model: LatentDiffusion, images: TestImages) -> Metadata:
    """By style: reconstruction PSNR in dB, and the share of gradient energy that is preserved."""
    pictures = {"photos": [to_tensor(content) for content in images.contents]}
    pictures |= {name: [to_tensor(images.rendering(name, i)) for i in range(2)] for name in STYLES}
    results: Metadata = {}
    for name, originals in tqdm(pictures.items(), desc="autoencoder"):
        decoded = [model.decode(model.encode(image)).cpu() for image in originals]
        pairs = list(zip(originals, decoded, strict=True))
        psnr = [-10 * torch.log10(((a - b) / 2).square().mean()).item() for a, b in pairs]
        energy = [float(gradient_energy(b) / gradient_energy(a)) for a, b in pairs]
        results[name] = {"psnr": float(np.mean(psnr)), "energy": float(np.mean(energy))}
    return results


@torch.no_grad()
def clip_accuracy(clip: ClipBackbone, images: TestImages, per_style: int) -> Metadata:
    """CLIP accuracy: zero-shot style classification, and nearest neighbours that have the same held-out style."""
    names = trained_styles()
    texts = torch.stack([_unit(clip.embed_text(list(STYLES[name].words))).mean(0) for name in names])
    by_caption, held_out = [], []
    for index, name in enumerate(tqdm(names, desc="CLIP, trained styles")):
        guess = (_embeds(clip, images, name, per_style) @ _unit(texts).T).argmax(1)
        by_caption += (guess == index).tolist()
    for name in tqdm(held_out_styles(), desc="CLIP, held-out styles"):
        held_out.append(_embeds(clip, images, name, per_style))
    styles = torch.arange(len(held_out)).repeat_interleave(per_style)
    flat = torch.cat(held_out)
    nearest = (flat @ flat.T - 2 * torch.eye(len(flat))).argmax(1)
    return {
        "by caption": float(np.mean(by_caption)),
        "nearest neighbour": (styles[nearest] == styles).float().mean().item(),
        "trained styles": len(names),
        "held-out styles": len(held_out),
        "images per style": per_style,
    }


def _embeds(clip: ClipBackbone, images: TestImages, style: str, count: int) -> Tensor:
    pictures = torch.cat([to_tensor(images.rendering(style, index)) for index in range(count)])
    return _unit(clip.embed_images(pictures)).cpu()


def _unit(x: Tensor) -> Tensor:
    return functional.normalize(x.float(), dim=-1)


def train_classifier(model: LatentDiffusion, images: TestImages, per_style: int) -> tuple[StyleClassifier, float]:
    """The independent style classifier, and its accuracy on renderings that it was not trained on.

    It is trained on renderings and on their reconstructions by the autoencoder, so that the autoencoder's blur is not
    taken for a style.
    """
    training, labels = [], []
    test: list[tuple[int, Tensor]] = []
    for label, name in enumerate(tqdm(trained_styles(), desc="style classifier")):
        for index in range(per_style):
            image = to_tensor(images.rendering(name, index))
            with torch.no_grad():
                forms = [image, model.decode(model.encode(image)).cpu()]
            if index % 4 == 3:
                test.append((label, features(forms[1])))
            else:
                training += [features(form) for form in forms]
                labels += [label, label]
    classifier = StyleClassifier(training, labels, len(trained_styles()))
    correct = [classifier(example) == label for label, example in test]
    return classifier, float(np.mean(correct))


@torch.no_grad()
def text_to_image(
    transfer: StyleTransfer, classifier: StyleClassifier, per_style: int
) -> tuple[Metadata, list[tuple[str, Image]]]:
    """Images of prompts such as "a cat, woodcut": style accuracy by the classifier, subject accuracy by the CLIP."""
    clip = transfer.session.clip
    subjects = _unit(clip.embed_text([with_article(word) for word in WORDS])).cpu()
    pictures, style_correct, subject_correct = [], [], []
    predictions: Counter[str] = Counter()
    for label, name in enumerate(tqdm(trained_styles(), desc="text to image")):
        for index in range(per_style):
            word = (label * per_style + index) % len(WORDS)
            prompt = f"{with_article(WORDS[word])}, {STYLES[name].words[0]}"
            picture = transfer.generate(prompt, None)
            guess = classifier(features(picture))
            predictions[trained_styles()[guess]] += 1
            style_correct.append(guess == label)
            subject_correct.append(int((_unit(clip.embed_images(picture)).cpu() @ subjects.T).argmax()) == word)
            pictures.append((prompt, picture))
    metadata = {
        "style": float(np.mean(style_correct)),
        "subject": float(np.mean(subject_correct)),
        "images": len(pictures),
        "most predicted": predictions.most_common(3),
    }
    return metadata, pictures


def evenly_spaced(pictures: Sequence[tuple[str, Image]], count: int) -> list[tuple[str, Image]]:
    """``count`` of the pictures, evenly spaced."""
    return [pictures[i * len(pictures) // count] for i in range(min(count, len(pictures)))]
