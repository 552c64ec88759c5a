"""What is seen under the noise and what is wanted of it: a rendering's photo, a painting's photo of something else."""

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


def samples(wanted: Tensor, source: Tensor) -> Samples:
    return Samples.of([{}] * len(wanted), wanted, source)


def test_a_photo_shows_through_where_a_picture_is_wanted_and_without_a_prompt_it_is_restored() -> None:
    drawn, source = torch.zeros(64, 4, 8, 8), torch.ones(64, 4, 8, 8)
    prompts = ["", "[C]"] * 32
    t = torch.full((64,), 700)
    sight = make_targets(samples(drawn, source), prompts, t, np.random.default_rng(0))
    empty = torch.tensor([not prompt for prompt in prompts])
    assert torch.equal(sight.target[empty], sight.input[empty])
    assert set(sight.input[empty].unique().tolist()) == {0.0, 1.0}
    assert not sight.target[~empty].any()
    assert torch.equal(sight.differs, (sight.input != sight.target).flatten(1).any(1))
    assert 0.4 < sight.differs[~empty].float().mean() < 0.9
    late = make_targets(samples(drawn, source), prompts, torch.full((64,), 40), np.random.default_rng(0))
    assert late.input[~empty].max() < 0.25 < 1.5 < sight.input.max()


def test_a_picture_that_is_its_own_source_is_plain_diffusion_under_min_snr_5() -> None:
    drawn = torch.randn(8, 4, 8, 8)
    t = torch.arange(100, 900, 100)
    sight = make_targets(samples(drawn, drawn), ["[C]"] * 8, t, np.random.default_rng(0))
    assert not sight.differs.any()
    signal = scheduler().alphas_cumprod[t].view(-1, 1, 1, 1)
    eps, guess = torch.randn(2, *drawn.shape)
    xt = signal.sqrt() * drawn + (1 - signal).sqrt() * eps
    snr = signal / (1 - signal)
    expected = (snr.clamp(max=5) / snr * (guess - eps).square()).mean()
    loss = picture_loss((xt - (1 - signal).sqrt() * guess) / signal.sqrt(), sight, signal)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


def paintings(on_device: bool) -> tuple[Samples, Samples]:
    """Sixteen samples, every other one a painting, and the same with photos under most paintings."""
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
def test_most_paintings_are_wanted_of_a_photo_of_something_else(on_device: bool) -> None:
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


def test_the_photo_is_wanted_in_the_paintings_palette() -> None:
    """Composition is the photo's to the last pixel; mean and deviation are the painting's, but for what a crop differs
    from its whole picture."""
    _, after = paintings(False)
    wanted, source, manner = (part[after.unpaired] for part in (after.target, after.source, after.style))
    for one, photo in zip(wanted, source, strict=True):
        assert torch.corrcoef(torch.stack([one.flatten(1), photo.flatten(1)], 1)[0])[0, 1] > 0.999
    torch.testing.assert_close(wanted.std((2, 3)).mean(), manner.std((2, 3)).mean(), rtol=0.1, atol=0)
    assert (source.std((2, 3)) > 1.5 * manner.std((2, 3))).all()


def test_a_photo_under_a_painting_is_never_restored_but_without_a_prompt() -> None:
    _, after = paintings(False)
    prompts = ["", *["[C]"] * 15]
    after = after._replace(unpaired=torch.ones(16, dtype=torch.bool), source=after.source + 1)
    sight = make_targets(after, prompts, torch.full((16,), 600), np.random.default_rng(0))
    assert sight.differs.tolist() == [False, *[True] * 15]
    assert sight.unpaired is not None
    assert sight.style is not None
    assert sight.unpaired.tolist() == sight.differs.tolist()
    assert torch.equal(sight.style[0], sight.target[0])
    assert torch.equal(sight.style[1:], after.style[1:])


def test_of_an_unpaired_sample_composition_and_patches_count_more_than_pixels() -> None:
    """Strokes of the painting's own at the photo's composition cost less than the photo's recoloured pixels do."""
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.randn(4, 4, 4, 4), (32, 32), mode="bilinear")
    strokes = torch.randn(4, 4, 32, 32)
    strokes = strokes - nn.functional.interpolate(nn.functional.avg_pool2d(strokes, 2), scale_factor=2)
    manner = smooth.roll((9, 13), (2, 3)) + strokes.roll(5, 3)
    signal = torch.full((4, 1, 1, 1), 0.4)
    unpaired = torch.ones(4, dtype=torch.bool)

    def loss(guess: Tensor, unpaired: Tensor | None, manner: Tensor | None) -> float:
        torch.manual_seed(1)
        return picture_loss(guess, Target(smooth + 1, smooth, manner, unpaired), signal).item()

    assert loss(smooth + strokes, unpaired, manner) < loss(smooth, unpaired, manner)
    assert loss(smooth + strokes, None, None) > loss(smooth, None, None)
    assert loss(smooth.flip(2) + strokes, unpaired, manner) > loss(smooth + strokes, unpaired, manner)
