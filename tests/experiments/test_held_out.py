"""The loss on held-out styles, with the bundled weights: "[C]" of one picture helps with another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

pytest.importorskip("accelerate")

from experiments import held_out, unet_widths
from inst.assets import mini_folder
from miniature.common.training import load_averaged, start_from
from miniature.diffusion import autoencoder, clip, render
from miniature.diffusion.adopt import adopt
from miniature.diffusion.data.dataset import to_tensor
from miniature.diffusion.embed import style_embedding
from miniature.diffusion.unet import model as diffusion


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[held_out.TrainedRun, Path]:
    """The bundled networks as a state folder of the training."""
    from transformers import CLIPTokenizer

    folder, state = mini_folder(), tmp_path_factory.mktemp("state")
    adopt(folder, state)
    tokenizer = CLIPTokenizer.from_pretrained(state / "tokenizer")
    unet, module = diffusion.build().eval(), diffusion.build_inversion().eval()
    start_from(folder / "unet" / "diffusion_pytorch_model.safetensors", unet)
    start_from(folder / "inversion" / "attention.safetensors", module)
    text = diffusion.TextTower(clip.load(state, len(tokenizer)).float(), tokenizer)
    return held_out.TrainedRun(unet.requires_grad_(False), module.requires_grad_(False), text), state


def style_in(state: Path, style: str, tokens: int) -> held_out.HeldOutStyle:
    """Two photos in one variant of a style."""
    photos = [
        cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA) / 255 for photo in (data.coffee(), data.chelsea())
    ]
    photos = [photo.astype(np.float32) for photo in photos]
    variant = render.sample_variant(style, photos[0], np.random.default_rng(1))
    rendered = [(255 * render.render(photo, variant, np.random.default_rng(2))).astype(np.uint8) for photo in photos]
    vae = load_averaged(state / "autoencoder", "vae", autoencoder.build())
    with torch.no_grad():
        latents = vae.encode(to_tensor(rendered)).latent_dist.mean
        embeds = style_embedding(clip.load(state, tokens), rendered[:1])
    return held_out.HeldOutStyle(latents[:1], latents[1:], (embeds[0].float(), embeds[1].float()))


def test_the_token_of_one_picture_helps_with_another_and_learning_refines_it(
    trained: tuple[held_out.TrainedRun, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, state = trained
    style = style_in(state, "fresco", len(run.text.tokenizer))
    first = run.initial_vectors(style)
    assert first.shape == (diffusion.VECTORS, clip.WIDTH)
    assert run.held_out_loss(style, first) < run.held_out_loss(style, None)
    own = held_out.HeldOutStyle(style.example, style.example, style.embeds)
    monkeypatch.setattr(held_out, "STEPS", 8)
    learned = run.learned_vectors(style, 0.1)
    assert run.held_out_loss(own, learned) < run.held_out_loss(own, first)
    assert run.held_out_loss(own, learned) == run.held_out_loss(own, learned)  # the same noise every time


def test_without_the_module_the_token_starts_as_a_word(trained: tuple[held_out.TrainedRun, Path]) -> None:
    run = held_out.TrainedRun(trained[0].unet, None, trained[0].text)
    vectors = run.initial_vectors(None)  # type: ignore[arg-type]
    assert vectors.shape == (diffusion.VECTORS, clip.WIDTH)
    assert (vectors == vectors[0]).all()


def test_widths_are_compared_by_their_loss(
    trained: tuple[held_out.TrainedRun, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled width compared with a narrow untrained one."""
    shipped, state = trained
    style = style_in(state, "fresco", len(shipped.text.tokenizer))
    narrow = held_out.TrainedRun(diffusion.build((32, 32, 64)).eval(), shipped.inversion, shipped.text)
    runs = {diffusion.CHANNELS: (shipped, 90), (32, 32, 64): (narrow, 0)}
    monkeypatch.setattr(unet_widths, "load_text_tower", lambda _: shipped.text)
    monkeypatch.setattr(unet_widths, "held_out_styles", lambda *_: [style])
    monkeypatch.setattr(unet_widths, "train_width", lambda _, channels, *__: runs[channels])
    table = [line.strip("| ").split(" | ") for line in unet_widths.measure(state, [5.0], tuple(runs))]
    assert {len(row) for row in table} == {6}
    wide, small = (dict(zip(table[0], row, strict=True)) for row in table[2:])
    assert (wide["widths"], wide["steps in 5 min"], small["steps in 5 min"]) == ("64, 128, 192", "90", "0")
    assert float(wide["loss"]) < 0.6 * float(small["loss"])
    assert float(wide["file, float16"].split()[0]) > 2 * float(small["file, float16"].split()[0])


def test_crops_lie_within_the_pictures() -> None:
    latents = torch.arange(64.0).expand(2, 4, 64, 64)
    crops = held_out.sample_crops(latents, 50, np.random.default_rng(0))
    assert crops.shape == (50, 4, 16, 16)
    assert (crops.diff(dim=-1) == 1).all()
    assert crops[..., 0].unique().numel() > 20
