"""The diffusers pipeline: compared with ``inst stylize``, and without inversion with diffusers' own img2img."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    UniPCMultistepScheduler,
)
from PIL import Image
from support.narrow import narrow_models, write_folder
from torch.testing import assert_close

from inst.assets import mini_folder
from inst.cli import main
from inst.diffusers import StochasticInversionImg2ImgPipeline
from inst.diffusion.schedule import NoiseSchedule
from inst.diffusion.stochastic_inversion import invert_stochastically
from inst.errors import ModelError
from inst.image.demo import demo_photo
from inst.inversion.dialects import write_diffusers
from inst.inversion.token import load_token
from inst.models.latent_diffusion import noise_from_v
from inst.models.load import load
from inst.models.source import parse_source
from inst.placement import Placement

NIGHT = mini_folder() / "styles" / "night.safetensors"
PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "diffusers.md"
SHORT = {"strength": 0.6, "num_inference_steps": 5, "guidance_scale": 2.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two photos, a style as diffusers reads it, and random models of both families as diffusers saves them."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("diffusers")
    demo_photo(64).crop((0, 0, 64, 64)).save(folder / "a.png")
    demo_photo(64).crop((20, 0, 84, 64)).save(folder / "b.png")
    exported = folder / "night.learned_embeds.safetensors"
    assert main(["export", "--style", str(NIGHT), "--form", "diffusers", "--output", str(exported)]) == 0
    vectors = 0.03 * torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    write_diffusers(folder / "random.learned_embeds.safetensors", "<random>", vectors)
    for family in ("v1", "v2"):
        write_folder(folder / family, narrow_models(family), family)
        # what save_pretrained of a whole pipeline writes
        shutil.copy(mini_folder() / "model_index.json", folder / family)
    return folder


def from_folder(path):
    pipe = StochasticInversionImg2ImgPipeline.from_pretrained(path).to(torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def mini(folder):
    pipe = from_folder(mini_folder())
    pipe.load_textual_inversion(str(folder / "night.learned_embeds.safetensors"))
    return pipe


def narrow(folder, family):
    pipe = from_folder(folder / family)
    pipe.load_textual_inversion(str(folder / "random.learned_embeds.safetensors"))
    return pipe


@pytest.fixture(scope="module")
def v1(folder):
    return narrow(folder, "v1")


@pytest.fixture(scope="module")
def v2(folder):
    return narrow(folder, "v2")


@pytest.fixture(scope="module")
def photos(folder):
    return [Image.open(folder / name).convert("RGB") for name in ("a.png", "b.png")]


@pytest.fixture
def with_scheduler():
    """``with_scheduler(pipe, kind, **config)`` replaces a pipeline's scheduler until the test ends."""
    changed = []

    def change(pipe, kind, **config):
        changed.append((pipe, pipe.scheduler))
        pipe.scheduler = kind.from_config(pipe.scheduler.config, **config)

    yield change
    for pipe, scheduler in changed:
        pipe.scheduler = scheduler


def generators(seed, count=2):
    return [torch.Generator("cpu").manual_seed(seed + j) for j in range(count)]


def as_inst_stylize(folder, *options, steps, strength):
    """Both photos through the command line, without tone and transport, which diffusers does not have."""
    outputs = folder / "outputs"
    fixed = ["--tone", "0", "--transport", "0", "--guidance", "2", "--seed", "3", "--batch-size", "2"]
    where = ["--resolution", "64", "--device", "cpu", "--dtype", "float32", "--output", str(outputs), "--overwrite"]
    numbers = ["--steps", str(steps), "--strength", str(strength)]
    content = ["--content", str(folder / "a.png"), str(folder / "b.png")]
    assert main(["stylize", *content, *options, *numbers, *fixed, *where]) == 0
    return [Image.open(outputs / name) for name in ("a.png", "b.png")]


def as_pipeline(pipe, photos, prompt, *, steps, strength, **more):
    settings = {"num_inference_steps": steps, "guidance_scale": 2.0, "generator": generators(3)}
    return pipe([prompt] * 2, photos, strength, **settings, **more).images


def assert_same_pictures(ours, theirs):
    """Up to rounding: a few values may differ by one."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        difference = np.abs(np.asarray(one.convert("RGB"), dtype=int) - np.asarray(other, dtype=int))
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.002


# The same pictures as the command line


@pytest.mark.parametrize(("steps", "strength"), [(10, 0.6), (50, 0.2), (50, 0.58), (12, 1.0), (10, 0.05)])
def test_it_is_inst_stylize_on_the_miniature(folder, mini, photos, steps, strength):
    ours = as_inst_stylize(folder, "--style", str(NIGHT), steps=steps, strength=strength)
    assert_same_pictures(ours, as_pipeline(mini, photos, "<night>", steps=steps, strength=strength))


@pytest.mark.parametrize("family", ["v1", "v2"])
def test_it_is_inst_stylize_on_stable_diffusion(folder, photos, family, request):
    """Networks of Stable Diffusion's shape; version 2 predicts v."""
    pipe = request.getfixturevalue(family)
    style = ["--style", str(folder / "random.learned_embeds.safetensors"), "--prompt", "a house like [C]"]
    ours = as_inst_stylize(folder, "--model", str(folder / family), *style, steps=10, strength=0.6)
    assert_same_pictures(ours, as_pipeline(pipe, photos, "a house like <random>", steps=10, strength=0.6))


@pytest.mark.parametrize(
    ("sampler", "kind", "config"),
    [
        ("dpm++", DPMSolverMultistepScheduler, {"final_sigmas_type": "zero"}),
        ("unipc", UniPCMultistepScheduler, {}),
    ],
)
def test_other_samplers_are_those_of_inst_stylize(folder, mini, photos, with_scheduler, sampler, kind, config):
    with_scheduler(mini, kind, **config)
    ours = as_inst_stylize(folder, "--style", str(NIGHT), "--sampler", sampler, steps=10, strength=0.6)
    assert_same_pictures(ours, as_pipeline(mini, photos, "<night>", steps=10, strength=0.6))


def test_the_prompt_is_embedded_as_ours(mini):
    """diffusers adds the exported vectors to tokenizer and embedding table; ours are put in by a hook."""
    model = load(parse_source("mini"), Placement(torch.device("cpu"), torch.float32))
    words = {"[C]": load_token(NIGHT).vectors}
    for prompt in ("[C]", "a house in the style of [C] at sea"):
        with torch.no_grad():
            ours = model.text.encode_prompt([prompt], words)
            theirs, _ = mini.encode_prompt(prompt.replace("[C]", "<night>"), "cpu", 1, False)
        assert_close(theirs, ours, atol=1e-5, rtol=1e-5)


# Where denoising starts


def start_of(pipe, photo, monkeypatch, **settings):
    """The latents that the first denoising step is given."""
    caught = []
    original = pipe.prepare_latents
    monkeypatch.setattr(pipe, "prepare_latents", lambda *args: caught.append(original(*args)) or caught[0])
    pipe("a painting", photo, **settings, generator=generators(3, 1), output_type="latent")
    return caught[0]


@pytest.mark.parametrize("family", ["v1", "v2"])
def test_a_scheduler_that_counts_in_sigmas(request, photos, monkeypatch, with_scheduler, family):
    """Euler's latents are x0 + sigma eps: the inversion scaled by sqrt(1 + sigma²)."""
    pipe = request.getfixturevalue(family)
    with_scheduler(pipe, EulerDiscreteScheduler, timestep_spacing="leading")
    start = start_of(pipe, photos[0], monkeypatch, **SHORT)
    index = pipe.scheduler.begin_index
    sigma, t = pipe.scheduler.sigmas[index], int(pipe.scheduler.timesteps[index])
    schedule = NoiseSchedule(pipe.scheduler.alphas_cumprod)
    conditioning, _ = pipe.encode_prompt("a painting", "cpu", 1, False)
    x0 = mean_latents(pipe, photos[0])

    def eps_model(xt, timesteps):
        prediction = pipe.unet(xt, timesteps, encoder_hidden_states=conditioning).sample
        return prediction if family == "v1" else noise_from_v(prediction, xt, schedule.alpha_bar_at(timesteps, xt))

    with torch.no_grad():
        noise = torch.randn(x0.shape, generator=generators(3, 1)[0])
        inverted = invert_stochastically(eps_model, schedule, x0, noise, t)
    assert_close(start / (1 + sigma**2).sqrt(), inverted.latents, atol=1e-4, rtol=1e-4)


def mean_latents(pipe, photo):
    with torch.no_grad():
        mean = pipe.vae.encode(pipe.image_processor.preprocess(photo)).latent_dist.mean
    return pipe.vae.config.scaling_factor * mean


def test_latents_as_image_are_not_encoded_again(v1, photos):
    images = (photos[0], mean_latents(v1, photos[0]))
    one, other = (run(v1, "a painting", image) for image in images)
    assert_close(one, other)


def run(pipe, *args, seed=3, **settings):
    settings = SHORT | {"output_type": "pt", "generator": torch.Generator("cpu").manual_seed(seed)} | settings
    return pipe(*args, **settings).images


def test_strength_zero_almost_gives_the_photo_back(mini, photos):
    """At least one step is run; diffusers itself would return no image at all."""
    result = run(mini, "<night>", photos[0], strength=0.0, output_type="np")[0]
    assert np.abs(result - np.asarray(photos[0]) / 255).mean() < 0.05


# Without inversion


@pytest.mark.parametrize("more", [{}, {"num_images_per_prompt": 2}])
def test_without_inversion_it_is_diffusers_img2img(mini, photos, more):
    plain = StableDiffusionImg2ImgPipeline.from_pipe(mini)
    plain.set_progress_bar_config(disable=True)
    theirs = run(plain, "<night>", photos[0], **more)
    ours = run(mini, "<night>", photos[0], inversion=False, **more)
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, run(mini, "<night>", photos[0], **more))
    mini.scheduler.set_timesteps(50)
    assert mini.get_timesteps(50, 0.58, "cpu")[1] == 28  # diffusers' own rounding; with the inversion 29


# What diffusers' arguments do


def test_every_image_of_a_prompt_has_its_own_noise(mini, photos):
    both = run(mini, "<night>", photos[0], num_images_per_prompt=2, generator=generators(3))
    single = run(mini, "<night>", photos[0], seed=4)
    assert_close(both[1:], single, atol=1e-4, rtol=0)
    assert not torch.allclose(both[:1], both[1:], atol=1e-2)


def test_prompts_may_be_given_as_embeddings(mini, photos):
    embeds, negative = mini.encode_prompt("<night>", "cpu", 1, True, "a house")
    ours = run(mini, None, photos[0], prompt_embeds=embeds, negative_prompt_embeds=negative)
    assert torch.equal(ours, run(mini, "<night>", photos[0], negative_prompt="a house"))
    assert not torch.equal(ours, run(mini, "<night>", photos[0]))


def test_the_inversion_is_one_prediction_without_guidance(mini, photos, monkeypatch):
    batches, forward = [], mini.unet.forward
    monkeypatch.setattr(mini.unet, "forward", lambda x, *args, **kw: batches.append(len(x)) or forward(x, *args, **kw))
    run(mini, "<night>", photos[0])
    run(mini, "<night>", photos[0], inversion=False)
    assert batches == [1, 2, 2, 2, 2, 2, 2]


def test_the_callback_and_the_forms_of_the_result(mini, photos):
    seen = []

    def callback(pipe, step, timestep, tensors):
        seen.append((step, int(timestep), tuple(tensors["latents"].shape)))
        return tensors

    images, nsfw = run_tuple = mini("<night>", photos[0], **SHORT, callback_on_step_end=callback, return_dict=False)
    assert isinstance(run_tuple, tuple)
    assert images[0].size == (64, 64)
    assert nsfw is None
    assert seen == [(0, 401, (1, 4, 16, 16)), (1, 201, (1, 4, 16, 16)), (2, 1, (1, 4, 16, 16))]
    assert run(mini, "<night>", photos[0], output_type="latent").shape == (1, 4, 16, 16)


def test_an_ip_adapter_conditions_the_inversion(folder, photos):
    """The prediction is given the adapter's image, not the empty one that guidance needs."""
    pipe = from_folder(folder / "v1")
    pipe.unet._load_ip_adapter_weights([ip_adapter(pipe.unet)])
    seen, forward = [], pipe.unet.forward

    def watched(*args, **kwargs):
        seen.append(kwargs["added_cond_kwargs"]["image_embeds"][0])
        return forward(*args, **kwargs)

    pipe.unet.forward = watched
    embeds = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0))  # the empty image's, the image's
    run(pipe, "a painting", photos[0], ip_adapter_image_embeds=[embeds])
    assert torch.equal(seen[0], embeds[1:])
    assert torch.equal(seen[1], embeds)


def ip_adapter(unet):
    """Random weights of an IP-Adapter with one image token for embeddings 8 wide."""
    generator, width, layers = torch.Generator().manual_seed(1), unet.config.cross_attention_dim, {}
    cross = [name for name in unet.attn_processors if "attn2" in name]
    for index, name in enumerate(cross):
        hidden = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            layers[f"{2 * index + 1}.{part}.weight"] = 0.1 * torch.randn(hidden, width, generator=generator)
    projection = {"proj.weight": torch.randn(4 * width, 8, generator=generator), "proj.bias": torch.zeros(4 * width)}
    return {
        "image_proj": projection | {"norm.weight": torch.ones(width), "norm.bias": torch.zeros(width)},
        "ip_adapter": layers,
    }


def test_a_unet_with_distilled_guidance_is_given_its_scale(folder, photos):
    """As the U-Nets of latent consistency models: one evaluation a step, the scale embedded."""
    pipe = from_folder(folder / "v1")
    pipe.unet.register_to_config(time_cond_proj_dim=32)
    embedding = pipe.unet.time_embedding
    embedding.cond_proj = torch.nn.Linear(32, embedding.linear_1.in_features, bias=False)
    seen, forward = [], pipe.unet.forward
    pipe.unet.forward = lambda *args, **kw: seen.append(kw["timestep_cond"]) or forward(*args, **kw)
    run(pipe, "a painting", photos[0])
    assert seen[0].shape == (1, 32)
    assert len(seen) == 4
    assert all(torch.equal(seen[0], each) for each in seen[1:])


def test_half_precision_stays_so(folder, photos):
    pipe = from_folder(folder / "v2").to(torch.bfloat16)
    assert run(pipe, "a painting", photos[0], strength=0.2, output_type="latent").dtype == torch.bfloat16


def test_from_pipe_shares_the_networks(mini):
    other = StochasticInversionImg2ImgPipeline.from_pipe(StableDiffusionImg2ImgPipeline.from_pipe(mini))
    assert other.unet is mini.unet
    assert isinstance(other.scheduler, DDIMScheduler)


def test_it_is_saved_and_loaded(tmp_path, v1, photos):
    v1.save_pretrained(tmp_path)
    loaded = from_folder(tmp_path)
    assert torch.equal(run(v1, "a painting", photos[0]), run(loaded, "a painting", photos[0]))


# Mistakes


def test_mistakes_are_refused_and_leave_nothing_behind(mini, photos, with_scheduler):
    with pytest.raises(ValueError, match="2 generators for 1 images"):
        run(mini, "<night>", photos[0], generator=generators(3))
    with pytest.raises(ValueError, match="strength"):
        run(mini, "<night>", photos[0], strength=1.2)
    with pytest.raises(ValueError, match="prompt"):
        run(mini, None, photos[0])
    with_scheduler(mini, DDIMScheduler, prediction_type="sample")
    with pytest.raises(ModelError, match="'sample'"):
        run(mini, "<night>", photos[0])
    assert mini._inversion is None


# The page


def test_the_examples_of_the_page_run(folder, tmp_path, monkeypatch, capsys):
    """As written, with the miniature and one of its styles in place of the downloaded model and the learned style."""
    monkeypatch.chdir(tmp_path)
    demo_photo(64).convert("RGB").save("photo.jpg")
    os.link(folder / "night.learned_embeds.safetensors", "painting.learned_embeds.safetensors")
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    smaller = {
        '"stable-diffusion-v1-5/stable-diffusion-v1-5"': repr(str(mini_folder())),
        "painting": "night",
        "night.learned": "painting.learned",
        "(512, 512)": "(64, 64)",
        "strength=0.6": "strength=0.1",
    }
    for written, run_instead in smaller.items():
        assert written in code
        code = code.replace(written, run_instead)
    space = {}
    exec(code, space)
    assert Image.open("stylized.png").size == (64, 64)
    assert_same_pictures([Image.open("stylized.png")], space["pictures"][:1])
    assert space["plain"].tobytes() != Image.open("stylized.png").tobytes()
    assert "step 5 of 5, timestep 1," in capsys.readouterr().out
