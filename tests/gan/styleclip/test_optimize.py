"""StyleCLIP's latent optimisation and the losses it shares with the other methods."""

import pytest
import torch
from support.gan_doubles import TinyClip, TinyGenerator
from torch.nn import functional
from torch.testing import assert_close

from inst.errors import ConfigError
from inst.gan.codes import to_rgb_styles
from inst.gan.losses import ClipView, area_resize, jittered
from inst.gan.settings import OptimizeSettings
from inst.gan.styleclip.optimize import (
    learning_rate_at,
    optimize_latents,
    pair_up,
)
from inst.perceptual.arcface import ArcFace
from inst.perceptual.ir_se import IrSeLayout

CODES = 5 * 8


@pytest.fixture
def start():
    return torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))


def test_the_schedule_matches_the_reference_output(golden):
    rates = torch.tensor([learning_rate_at(step, 300, 0.1) for step in range(300)])
    assert_close(rates, golden("optimisation_schedule")["lr"].float(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("size", [64, 256])
def test_area_resampling_equals_the_published_upsampling_and_pooling(size):
    images = torch.rand(2, 3, size, size)
    published = functional.avg_pool2d(functional.interpolate(images, scale_factor=7), size // 32)
    assert_close(area_resize(images, 224), published, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("size", "side"), [(100, 32), (16, 32), (32, 32)])
def test_area_resampling_of_any_size(size, side):
    """Against upsampling to a common multiple followed by average pooling."""
    images = torch.rand(1, 3, size, size)
    common = images.repeat_interleave(side, 2).repeat_interleave(side, 3)
    assert_close(area_resize(images, side), functional.avg_pool2d(common.double(), size).float(), atol=1e-5, rtol=1e-5)


def test_the_published_preprocessing_skips_clips_normalisation():
    clip = TinyClip()
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    ClipView(clip).embed_images(images)
    assert_close(clip.seen, images, atol=1e-5, rtol=1e-5)
    ClipView(clip, published=False).embed_images(images)
    assert_close(clip.seen, clip.preprocessing(images))


def test_the_clip_distance_is_one_minus_cosine_similarity():
    clip = TinyClip()
    images = torch.rand(2, 3, 32, 32)
    texts = clip.embed_text(["a", "b"])
    embeds = ClipView(clip).embed_images(images)
    expected = 1 - (functional.normalize(embeds) * functional.normalize(texts)).sum(1)
    assert_close(ClipView(clip).distance(images, texts), expected)


@pytest.mark.parametrize("pixel_weight", [0.0, 0.5])
def test_optimisation_is_adam_on_the_loss_of_the_paper(start, pixel_weight):
    """Against a plain loop for one code, also with the pixel weight, which is not part of the paper."""
    clip, generator = TinyClip(), TinyGenerator(CODES)
    text = clip.embed_text(["a red face"])
    settings = OptimizeSettings(steps=12, learning_rate=0.05, l2=0.1, pixel_weight=pixel_weight)
    *_, last = optimize_latents([start], text, generator, ClipView(clip), settings)
    w = start.clone().requires_grad_()
    adam = torch.optim.Adam([w], lr=0.05)
    for step in range(11):
        adam.param_groups[0]["lr"] = learning_rate_at(step, 12, 0.05)
        image = area_resize(generator([w]), 32)
        embeds = functional.adaptive_avg_pool2d(image, 4).flatten(1) @ clip.map
        loss = (1 - functional.cosine_similarity(embeds, text)).mean() + 0.1 * ((w - start) ** 2).sum()
        loss = loss + pixel_weight * (generator([w]) - generator([start])).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert_close(last.codes[0], w.detach(), atol=1e-4, rtol=1e-4)
    assert last.step == 11


def test_optimisation_decreases_the_clip_distance(start):
    clip = TinyClip()
    steps = list(
        optimize_latents(
            [start], clip.embed_text(["x"]), TinyGenerator(CODES), ClipView(clip), OptimizeSettings(steps=60)
        )
    )
    assert steps[-1].clip < steps[0].clip - 0.3
    assert steps[0].l2 == 0 < steps[-1].l2
    assert torch.equal(steps[0].codes[0], start) and torch.equal(steps[1].codes[0], start), (
        "the learning rate of step 0 is 0"
    )


@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_rows_are_optimised_independently(start, jitter):
    clip, generator = TinyClip(), TinyGenerator(CODES)
    starts = torch.cat([start, start + 1])
    texts = clip.embed_text(["x", "y", "z"])
    codes, paired = pair_up([starts], texts)
    assert len(codes[0]) == 6 and torch.equal(codes[0][3], starts[1]) and torch.equal(paired[4], texts[1])
    settings = OptimizeSettings(steps=8, jitter=jitter)
    *_, together = optimize_latents(codes, paired, generator, ClipView(clip), settings)
    *_, alone = optimize_latents([starts[1:]], texts[1:2], generator, ClipView(clip), settings)
    assert_close(together.codes[0][4:5], alone.codes[0], atol=1e-4, rtol=1e-4)
    assert_close(together.image[4:5], alone.image, atol=1e-4, rtol=1e-4)


def test_to_rgb_styles_do_not_change():
    clip = TinyClip()
    styles = [torch.randn(2, width) for width in (8, 8, 8, 4, 4)]
    assert to_rgb_styles(26) == {1, 4, 7, 10, 13, 16, 19, 22, 25}
    settings = OptimizeSettings(steps=6)
    *_, last = optimize_latents(
        styles, clip.embed_text(["x"]), TinyGenerator(32), ClipView(clip), settings, frozen=to_rgb_styles(5)
    )
    changed = [not torch.equal(code, style) for code, style in zip(last.codes, styles, strict=True)]
    assert changed == [True, False, True, True, False]
    squares = sum(((a - b) ** 2).sum(1) for a, b in zip(last.codes, styles, strict=True))
    assert_close(last.l2, squares)


def test_the_identity_weight_decreases_the_identity_distance(start):
    torch.manual_seed(0)
    arcface = ArcFace(IrSeLayout(widths=(16, 16, 16, 16), units=(1, 1, 1, 1), reduction=4), features=8).eval()
    arcface.requires_grad_(False)
    clip, generator = TinyClip(), TinyGenerator(CODES)

    def run(weight):
        settings = OptimizeSettings(steps=15, l2=0, identity_weight=weight)
        *_, last = optimize_latents(
            [start], clip.embed_text(["x"]), generator, ClipView(clip), settings, arcface=arcface
        )
        return last

    constrained, free = run(20.0), run(1e-6)
    assert constrained.identity < free.identity
    assert constrained.clip > free.clip


def test_the_pixel_weight_reduces_the_change_and_the_edit_still_succeeds(start):
    clip, generator = TinyClip(), TinyGenerator(CODES)

    def run(**weights):
        settings = OptimizeSettings(steps=40, **weights)
        return list(optimize_latents([start], clip.embed_text(["x"]), generator, ClipView(clip), settings))

    free, constrained = run(l2=0.0), run(l2=0.0, pixel_weight=3.0)
    assert constrained[-1].pixels < 0.7 * free[-1].pixels
    assert constrained[-1].clip < constrained[0].clip - 0.3
    assert constrained[0].pixels == 0


def test_jitter_adds_noise_and_a_bounded_shift_that_differ_every_time():
    images, rng = torch.zeros(2, 3, 40, 40), torch.Generator().manual_seed(0)
    images[:, :, 20, 20] = 1000
    one, other = jittered(images, 0.2, rng), jittered(images, 0.2, rng)
    assert jittered(images, 0.0, rng) is images
    assert_close(one[0], one[1], atol=0, rtol=0)
    assert not torch.equal(one, other)
    positions = [divmod(int(images[0, 0].argmax()), 40) for images in (one, other)]
    assert positions[0] != positions[1] and all(abs(x - 20) <= 4 for position in positions for x in position)
    assert float(one[0][one[0] < 100].std()) == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_images_of_steps_are_not_jittered_and_runs_are_reproducible(start, jitter):
    clip, generator = TinyClip(), TinyGenerator(CODES)
    settings = OptimizeSettings(steps=6, jitter=jitter)
    first, again = (
        list(optimize_latents([start], clip.embed_text(["x"]), generator, ClipView(clip), settings)) for _ in range(2)
    )
    assert_close(first[-1].image, generator(first[-1].codes))
    assert torch.equal(first[-1].codes[0], again[-1].codes[0])


def test_invalid_settings_and_texts_are_refused(start):
    clip, generator = TinyClip(), TinyGenerator(CODES)
    with pytest.raises(ConfigError, match="ArcFace"):
        next(
            optimize_latents(
                [start], clip.embed_text("x"), generator, ClipView(clip), OptimizeSettings(identity_weight=1)
            )
        )
    with pytest.raises(ConfigError, match="2 texts for 1"):
        next(optimize_latents([start], clip.embed_text("xy"), generator, ClipView(clip), OptimizeSettings()))
    with pytest.raises(ConfigError, match="not a number"):
        next(optimize_latents([start * torch.nan], clip.embed_text("x"), generator, ClipView(clip), OptimizeSettings()))
    for bad in ({"steps": 0}, {"learning_rate": 0.0}, {"l2": -1.0}, {"pixel_weight": -1.0}, {"jitter": 1.5}):
        with pytest.raises(ConfigError, match="out of range"):
            OptimizeSettings(**bad)
