"""Stylizing with the miniature: against diffusers where the algorithms coincide, and the effect of each option."""

from dataclasses import replace

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline
from torch.testing import assert_close

import inst
from inst import seeds
from inst.diffusion.tone import tone_of
from inst.image import from_pil
from inst.image.demo import demo_photo
from inst.metrics.content import edge_distance
from inst.transfer.photo import PhotoSettings, StyleConditioning, stylize

SETTINGS = PhotoSettings(
    strength=0.6, num_steps=10, guidance_scale=4.0, seed=3, sampler="ddim", tone=0.0, transport=0.0, keep_colors=False,
    inversion=True, resolution=64,
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return inst.load_model(dtype="float32", device="cpu").model


@pytest.fixture(scope="module")
def style(model):
    encode = model.text.encode_prompt
    with torch.no_grad():
        return StyleConditioning(conditioning=encode(["a painting"], {}), unconditional=encode([""], {}))


@pytest.fixture(scope="module")
def photo():
    return from_pil(demo_photo(64))


def result(model, photo, style, settings):
    *_, last = stylize(model, photo, style, settings)
    return last.images


def test_without_inversion_the_result_equals_diffusers_img2img(model, style):
    """The same photo, noise and schedule through diffusers' own pipeline."""
    square = from_pil(demo_photo(64).crop((0, 0, 64, 64)))
    pipe = StableDiffusionImg2ImgPipeline(
        vae=model.vae, text_encoder=None, tokenizer=None, unet=model.unet, safety_checker=None, feature_extractor=None,
        scheduler=DDIMScheduler.from_config(dict(model.schedule_config)), requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    noise = seeds.noise(3, (1, model.latent_channels, 64 // model.factor, 64 // model.factor))
    # the pipeline samples the posterior and we take its mean, so the mean is passed to it as latents
    latents = model.encode(square)
    timesteps = DDIMScheduler.from_config(dict(model.schedule_config))
    timesteps.set_timesteps(10)
    start = timesteps.timesteps[-6:]
    pipe.prepare_latents = lambda *args, **kwargs: timesteps.add_noise(latents, noise, start[:1])
    theirs = pipe(
        image=square, strength=0.6, num_inference_steps=10, guidance_scale=4.0, prompt_embeds=style.conditioning,
        negative_prompt_embeds=style.unconditional, output_type="latent",
    ).images  # fmt: skip
    ours = result(model, square, style, replace(SETTINGS, inversion=False))
    assert_close(ours, model.decode(theirs).float(), atol=2e-3, rtol=0)


def test_a_single_step_leaves_no_noise(model, photo, style):
    """Inversion adds noise up to the timestep at which sampling starts, so one short step changes a photo little."""
    changed = result(model, photo, style, replace(SETTINGS, strength=0.1, guidance_scale=1.0))
    reconstructed = model.decode(model.encode(photo)).float()
    assert (changed - reconstructed[..., : photo.shape[2], : photo.shape[3]]).abs().mean() < 0.1


def test_size_and_aspect_ratio_are_kept(model, style):
    photo = from_pil(demo_photo(67))
    assert result(model, photo, style, SETTINGS).shape == photo.shape


def test_strength_zero_returns_the_photo(model, photo, style):
    assert torch.equal(result(model, photo, style, replace(SETTINGS, strength=0.0)), photo)


def test_more_strength_changes_more(model, photo, style):
    changes = [
        (result(model, photo, style, replace(SETTINGS, strength=s)) - photo).abs().mean() for s in (0.1, 0.5, 1.0)
    ]
    assert changes[0] < changes[1] < changes[2]


def test_the_same_seed_gives_the_same_pixels(model, photo, style):
    one, two = (result(model, photo, style, SETTINGS) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, result(model, photo, style, replace(SETTINGS, seed=4)))


def test_a_batch_equals_its_single_images(model, photo, style):
    both = result(model, torch.cat([photo, photo]), style, SETTINGS)
    single = result(model, photo, style, replace(SETTINGS, seed=SETTINGS.seed + 1))
    assert (both[1:] - single).abs().mean() < 2 / 255


def test_inversion_preserves_more_of_the_photo_than_random_noise(model, photo, style):
    """Pixel and edge distances to the photo are clearly smaller than with random noise (0.80 and 0.74 of them)."""
    seeds_of_runs = (3, 4)
    pixel_distances, edge_distances = [], []
    for inversion in (True, False):
        images = [result(model, photo, style, replace(SETTINGS, inversion=inversion, seed=s)) for s in seeds_of_runs]
        pixel_distances.append(sum(float((image - photo).abs().mean()) for image in images))
        edge_distances.append(sum(edge_distance(image, photo) for image in images))
    assert pixel_distances[0] < 0.9 * pixel_distances[1]
    assert edge_distances[0] < 0.85 * edge_distances[1]


def test_keep_colors_preserves_the_chroma(model, photo, style):
    from skimage.color import rgb2lab

    def chroma(image):
        return rgb2lab((image[0].permute(1, 2, 0).numpy() + 1) / 2)[..., 1:]

    plain, kept = (result(model, photo, style, replace(SETTINGS, keep_colors=on)) for on in (False, True))
    assert abs(chroma(kept) - chroma(photo)).mean() < abs(chroma(plain) - chroma(photo)).mean()


def test_tone_shifts_the_mean_towards_the_painting(model, photo, style):
    tone = tone_of(model.encode(torch.full((1, 3, 64, 64), -0.8)))
    dark = result(model, photo, replace(style, tone=tone), replace(SETTINGS, tone=1.0, strength=0.1))
    assert dark.mean() < result(model, photo, style, replace(SETTINGS, strength=0.1)).mean()


@pytest.mark.parametrize("sampler", ["dpm++", "unipc"])
def test_other_samplers_give_nearly_the_image_of_ddim(model, photo, style, sampler):
    """They solve the same ODE: 0.02 apart, where the change of the photo itself is 0.15."""
    image, ddim = (result(model, photo, style, replace(SETTINGS, sampler=name)) for name in (sampler, "ddim"))
    assert 0 < (image - ddim).abs().mean() < 0.2 * (ddim - photo).abs().mean()
