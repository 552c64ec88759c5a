"""What the two short runs are judged by, on the shipped weights: "[C]" of one picture tells something of another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

pytest.importorskip("accelerate")

from inst.assets import mini_folder
from miniature import autoencoder, clip, diffusion, pseudo_word, render
from miniature.adopt import adopt
from miniature.embed import style_embedding
from miniature.pictures import to_tensor
from miniature.training import load_averaged, start_from


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[pseudo_word.Trained, Path]:
    """The shipped networks as the recipe has them."""
    from transformers import CLIPTokenizer

    folder, state = mini_folder(), tmp_path_factory.mktemp("state")
    adopt(folder, state)
    tokenizer = CLIPTokenizer.from_pretrained(state / "tokenizer")
    unet, module = diffusion.build().eval(), diffusion.build_inversion().eval()
    start_from(folder / "unet" / "diffusion_pytorch_model.safetensors", unet)
    start_from(folder / "inversion" / "attention.safetensors", module)
    text = diffusion.TextSide(clip.load(state, len(tokenizer)).float(), tokenizer)
    return pseudo_word.Trained(unet.requires_grad_(False), module.requires_grad_(False), text), state


def manner_in(state: Path, style: str, tokens: int) -> pseudo_word.Manner:
    """Two photos in one manner of a style."""
    photos = [
        cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA) / 255 for photo in (data.coffee(), data.chelsea())
    ]
    photos = [photo.astype(np.float32) for photo in photos]
    manner = render.draw_manner(style, photos[0], np.random.default_rng(1))
    drawn = [(255 * render.render(photo, manner, np.random.default_rng(2))).astype(np.uint8) for photo in photos]
    vae = load_averaged(state / "autoencoder", "vae", autoencoder.build())
    with torch.no_grad():
        latents = vae.encode(to_tensor(drawn)).latent_dist.mean
        seen = style_embedding(clip.load(state, tokens), drawn[:1])
    return pseudo_word.Manner(latents[:1], latents[1:], (seen[0].float(), seen[1].float()))


def test_the_word_of_one_picture_helps_with_another_and_learning_refines_it(
    trained: tuple[pseudo_word.Trained, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, state = trained
    manner = manner_in(state, "fresco", len(run.text.tokenizer))
    first = run.begin(manner)
    assert first.shape == (diffusion.VECTORS, clip.WIDTH)
    assert run.missed(manner, first) < run.missed(manner, None)
    own = pseudo_word.Manner(manner.example, manner.example, manner.seen)
    monkeypatch.setattr(pseudo_word, "STEPS", 8)
    learned = run.learned(manner, 0.1)
    assert run.missed(own, learned) < run.missed(own, first)
    assert run.missed(own, learned) == run.missed(own, learned)  # the same noise every time


def test_without_the_module_it_begins_as_a_word(trained: tuple[pseudo_word.Trained, Path]) -> None:
    run = pseudo_word.Trained(trained[0].unet, None, trained[0].text)
    vectors = run.begin(None)  # type: ignore[arg-type]
    assert vectors.shape == (diffusion.VECTORS, clip.WIDTH)
    assert (vectors == vectors[0]).all()


def test_crops_lie_within_the_pictures() -> None:
    latents = torch.arange(64.0).expand(2, 4, 64, 64)
    crops = pseudo_word.crops_of(latents, 50, np.random.default_rng(0))
    assert crops.shape == (50, 4, 16, 16)
    assert (crops.diff(dim=-1) == 1).all()
    assert crops[..., 0].unique().numel() > 20
