"""The parts of the miniature's report that are not stylization: autoencoder, CLIP as an eye, pictures from text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from benchmarks.common.style_transfer import Stylist
from benchmarks.quality.miniature.renders import Material, held_styles, tensor, trained_styles
from benchmarks.quality.miniature.style_classifier import StyleClassifier, features
from inst.clip.backbone import ClipBackbone
from inst.models.latent_diffusion import LatentDiffusion
from inst.shapes import Image
from miniature.common.losses import gradient_energy
from miniature.common.words import with_article
from miniature.diffusion.data.nouns import measured_words
from miniature.painting.styles import STYLES

WORDS = measured_words()
Facts = dict[str, Any]


@torch.no_grad()
def autoencoder(model: LatentDiffusion, material: Material) -> Facts:
    """PSNR in dB of the round trip, and what share of the gradients' energy it keeps, by style."""
    pictures = {"photos": [tensor(content) for content in material.contents]}
    pictures |= {name: [tensor(material.rendering(name, i)) for i in range(2)] for name in STYLES}
    found: Facts = {}
    for name, images in tqdm(pictures.items(), desc="autoencoder"):
        again = [model.decode(model.encode(image)).cpu() for image in images]
        pairs = list(zip(images, again, strict=True))
        psnr = [-10 * torch.log10(((a - b) / 2).square().mean()).item() for a, b in pairs]
        kept = [float(gradient_energy(b) / gradient_energy(a)) for a, b in pairs]
        found[name] = {"psnr": float(np.mean(psnr)), "energy": float(np.mean(kept))}
    return found


@torch.no_grad()
def eye(clip: ClipBackbone, material: Material, per_style: int) -> Facts:
    """Shares of renderings that CLIP puts right: the style by its caption, and a held-out style's nearest neighbour."""
    names = trained_styles()
    texts = torch.stack([_unit(clip.embed_text(list(STYLES[name].words))).mean(0) for name in names])
    by_caption, held = [], []
    for index, name in enumerate(tqdm(names, desc="CLIP, trained styles")):
        guess = (_embeds(clip, material, name, per_style) @ _unit(texts).T).argmax(1)
        by_caption += (guess == index).tolist()
    for name in tqdm(held_styles(), desc="CLIP, held styles"):
        held.append(_embeds(clip, material, name, per_style))
    owner = torch.arange(len(held)).repeat_interleave(per_style)
    flat = torch.cat(held)
    nearest = (flat @ flat.T - 2 * torch.eye(len(flat))).argmax(1)
    return {
        "by caption": float(np.mean(by_caption)),
        "nearest neighbour": (owner[nearest] == owner).float().mean().item(),
        "trained styles": len(names),
        "held styles": len(held),
        "pictures per style": per_style,
    }


def _embeds(clip: ClipBackbone, material: Material, style: str, count: int) -> Tensor:
    pictures = torch.cat([tensor(material.rendering(style, index)) for index in range(count)])
    return _unit(clip.embed_images(pictures)).cpu()


def _unit(x: Tensor) -> Tensor:
    return functional.normalize(x.float(), dim=-1)


def classifier(model: LatentDiffusion, material: Material, per_style: int) -> tuple[StyleClassifier, float]:
    """The independent judge, and the share it gets right of renderings it did not learn from.

    It learns from renderings and from what the autoencoder makes of them, so that the autoencoder's own blur is not
    taken for a style.
    """
    learned, labels = [], []
    tested: list[tuple[int, Tensor]] = []
    for label, name in enumerate(tqdm(trained_styles(), desc="the judge learns")):
        for index in range(per_style):
            image = tensor(material.rendering(name, index))
            with torch.no_grad():
                forms = [image, model.decode(model.encode(image)).cpu()]
            if index % 4 == 3:
                tested.append((label, features(forms[1])))
            else:
                learned += [features(form) for form in forms]
                labels += [label, label]
    judge = StyleClassifier(learned, labels, len(trained_styles()))
    right = [judge(example) == label for label, example in tested]
    return judge, float(np.mean(right))


@torch.no_grad()
def texts(stylist: Stylist, judge: StyleClassifier, per_style: int) -> tuple[Facts, list[tuple[str, Image]]]:
    """Pictures from "a cat, woodcut": the judge names the style, our own CLIP the word. Facts, and the pictures."""
    clip = stylist.session.clip
    known = _unit(clip.embed_text([with_article(word) for word in WORDS])).cpu()
    pictures, style_right, word_right = [], [], []
    guesses: Counter[str] = Counter()
    for label, name in enumerate(tqdm(trained_styles(), desc="pictures from text")):
        for index in range(per_style):
            word = (label * per_style + index) % len(WORDS)
            prompt = f"{with_article(WORDS[word])}, {STYLES[name].words[0]}"
            picture = stylist.draw(prompt, None)
            guess = judge(features(picture))
            guesses[trained_styles()[guess]] += 1
            style_right.append(guess == label)
            word_right.append(int((_unit(clip.embed_images(picture)).cpu() @ known.T).argmax()) == word)
            pictures.append((prompt, picture))
    metadata = {
        "style": float(np.mean(style_right)),
        "word": float(np.mean(word_right)),
        "pictures": len(pictures),
        "most guessed": guesses.most_common(3),
    }
    return metadata, pictures


def spread(pictures: Sequence[tuple[str, Image]], count: int) -> list[tuple[str, Image]]:
    """``count`` of them, from the first to the last."""
    return [pictures[i * len(pictures) // count] for i in range(min(count, len(pictures)))]
