"""Inputs and targets of the U-Net: the photo of a rendering, and unpaired photos for paintings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from miniature.diffusion import embed
from miniature.diffusion.unet.schedule import scheduler
from miniature.diffusion.unet.targets import Samples, Target, add_unpaired_photos, make_targets, picture_loss
from tests.miniature.diffusion.features import coordinates

PAINTING = {"kind": "painting", "manner": 0, "content": "a saint"}
PHOTO = {"kind": "photo", "manner": 0, "content": "a flower"}


def samples(target: Tensor, source: Tensor) -> Samples:
    return Samples.of([{}] * len(target), target, source)


def test_the_input_contains_the_photo_and_without_a_prompt_it_is_also_the_target() -> None:
    drawn, source = torch.zeros(64, 4, 8, 8), torch.ones(64, 4, 8, 8)
    prompts = ["", "[C]"] * 32
    t = torch.full((64,), 700)
    chosen = make_targets(samples(drawn, source), prompts, t, np.random.default_rng(0))
    empty = torch.tensor([not prompt for prompt in prompts])
    assert torch.equal(chosen.target[empty], chosen.input[empty])
    assert set(chosen.input[empty].unique().tolist()) == {0.0, 1.0}
    assert not chosen.target[~empty].any()
    assert torch.equal(chosen.differs, (chosen.input != chosen.target).flatten(1).any(1))
    assert 0.4 < chosen.differs[~empty].float().mean() < 0.9
    late = make_targets(samples(drawn, source), prompts, torch.full((64,), 40), np.random.default_rng(0))
    assert late.input[~empty].max() < 0.25 < 1.5 < chosen.input.max()


def test_a_picture_that_is_its_own_source_is_plain_diffusion_with_min_snr_5() -> None:
    drawn = torch.randn(8, 4, 8, 8)
    t = torch.arange(100, 900, 100)
    chosen = make_targets(samples(drawn, drawn), ["[C]"] * 8, t, np.random.default_rng(0))
    assert not chosen.differs.any()
    signal = scheduler().alphas_cumprod[t].view(-1, 1, 1, 1)
    eps, prediction = torch.randn(2, *drawn.shape)
    xt = signal.sqrt() * drawn + (1 - signal).sqrt() * eps
    snr = signal / (1 - signal)
    expected = (snr.clamp(max=5) / snr * (prediction - eps).square()).mean()
    loss = picture_loss((xt - (1 - signal).sqrt() * prediction) / signal.sqrt(), chosen, signal)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


def paintings(on_device: bool) -> tuple[Samples, Samples]:
    """Sixteen samples, every other one a painting, before and after adding unpaired photos."""
    features = coordinates(5)
    features.arrays["latents"][:] = (
        np.random.default_rng(2).normal(size=(5, 4, 64, 64)) * (1 + np.arange(5))[:, None, None, None]
    )
    source: Any = embed.FeaturesOnDevice(features, torch.device("cpu")) if on_device else features
    rows = [PAINTING | {"row": 1}, {"kind": "style", "manner": 3, "content": "a cat", "row": 0}] * 8
    parts = source.latents_of([row["row"] for row in rows], (16, 24), np.random.default_rng(3))
    before = Samples.of(rows, *parts)
    groups = {"photo": [[PHOTO | {"row": 4}], [PHOTO | {"row": 3}]], "painting": [], "style": []}
    return before, add_unpaired_photos(before, source, groups, np.random.default_rng(4))


@pytest.mark.parametrize("on_device", [False, True])
def test_most_paintings_get_an_unpaired_photo(on_device: bool) -> None:
    before, after = paintings(on_device)
    changed = after.unpaired.nonzero()[:, 0].tolist()
    assert 3 <= len(changed) < 8
    for i, (old, new) in enumerate(zip(before.rows, after.rows, strict=True)):
        if i in changed:
            assert old["kind"] == "painting"
            assert new == old | {"content": "a flower"}
            assert not torch.equal(after.source[i], before.source[i])
        else:
            assert new == old
            assert torch.equal(after.target[i], before.target[i])
            assert torch.equal(after.source[i], before.source[i])
    assert torch.equal(after.style, before.target)
    assert not before.unpaired.any()


def test_the_target_is_the_photo_in_the_paintings_palette() -> None:
    """The composition is the photo's; mean and deviation are approximately the painting's."""
    _, after = paintings(False)
    target, source, style = (part[after.unpaired] for part in (after.target, after.source, after.style))
    for one, photo in zip(target, source, strict=True):
        assert torch.corrcoef(torch.stack([one.flatten(1), photo.flatten(1)], 1)[0])[0, 1] > 0.999
    torch.testing.assert_close(target.std((2, 3)).mean(), style.std((2, 3)).mean(), rtol=0.1, atol=0)
    assert (source.std((2, 3)) > 1.5 * style.std((2, 3))).all()


def test_an_unpaired_photo_is_the_target_only_without_a_prompt() -> None:
    _, after = paintings(False)
    prompts = ["", *["[C]"] * 15]
    after = after._replace(unpaired=torch.ones(16, dtype=torch.bool), source=after.source + 1)
    chosen = make_targets(after, prompts, torch.full((16,), 600), np.random.default_rng(0))
    assert chosen.differs.tolist() == [False, *[True] * 15]
    assert chosen.unpaired is not None
    assert chosen.style is not None
    assert chosen.unpaired.tolist() == chosen.differs.tolist()
    assert torch.equal(chosen.style[0], chosen.target[0])
    assert torch.equal(chosen.style[1:], after.style[1:])


def test_for_unpaired_samples_composition_and_patches_matter_more_than_pixels() -> None:
    """Strokes like the painting's with the photo's composition have a lower loss than the recoloured photo itself."""
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.randn(4, 4, 4, 4), (32, 32), mode="bilinear")
    strokes = torch.randn(4, 4, 32, 32)
    strokes = strokes - nn.functional.interpolate(nn.functional.avg_pool2d(strokes, 2), scale_factor=2)
    style = smooth.roll((9, 13), (2, 3)) + strokes.roll(5, 3)
    signal = torch.full((4, 1, 1, 1), 0.4)
    unpaired = torch.ones(4, dtype=torch.bool)

    def loss(prediction: Tensor, unpaired: Tensor | None, style: Tensor | None) -> float:
        torch.manual_seed(1)
        return picture_loss(prediction, Target(smooth + 1, smooth, style, unpaired), signal).item()

    assert loss(smooth + strokes, unpaired, style) < loss(smooth, unpaired, style)
    assert loss(smooth + strokes, None, None) > loss(smooth, None, None)
    assert loss(smooth.flip(2) + strokes, unpaired, style) > loss(smooth + strokes, unpaired, style)
