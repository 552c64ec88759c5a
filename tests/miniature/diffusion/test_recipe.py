"""The training of the embedded diffusion model at small size: pictures, captions, text towers, resumed runs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from torch import nn

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from miniature.common import losses
from miniature.common import tokenizer as tokenizers
from miniature.common.training import Budget, Recipe, Run
from miniature.diffusion import clip, embed, render
from miniature.diffusion.data import captions as captions_of
from miniature.diffusion.data.files import Record, scan, square
from miniature.diffusion.unet import model, schedule, train
from miniature.diffusion.unet.time_embedding import adapt_time_embedding, same_snr
from miniature.painting.palette import palette_of
from miniature.painting.styles import STYLES
from tests.miniature.diffusion.features import coordinates


@pytest.fixture
def picture() -> np.ndarray:
    """A soft coloured scene, (96, 96, 3) in [0, 1]."""
    y, x = np.mgrid[0:96, 0:96].astype(np.float32) / 96
    scene = np.stack([0.5 + 0.5 * np.sin(9 * x), y, 0.5 + 0.5 * np.cos(7 * y + 3 * x)], -1)
    scene[30:60, 40:70] = (0.9, 0.2, 0.1)
    return scene.astype(np.float32)


@pytest.mark.parametrize("name", sorted(STYLES))
def test_a_style_is_reproducible_and_stays_in_range(name: str, picture: np.ndarray) -> None:
    variant = render.sample_variant(name, picture, np.random.default_rng(1))
    one, two = (render.render(picture, variant, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(one, two)
    assert one.shape == picture.shape
    assert one.dtype == np.float32
    assert 0 <= one.min() <= one.max() <= 1
    assert one.std() > 0.01


def test_a_style_does_not_modify_its_input(picture: np.ndarray) -> None:
    before = picture.copy()
    for name, style in STYLES.items():
        style.paint(picture, style.sample_params(np.random.default_rng(3)), np.random.default_rng(4))
        assert np.array_equal(picture, before), name


def test_no_two_styles_share_a_caption() -> None:
    wordings = [word.lower() for style in STYLES.values() for word in style.words]
    assert len(wordings) == len(set(wordings))


def test_many_styles_are_trained_and_held_out_ones_are_not() -> None:
    held = {name for name, style in STYLES.items() if style.held_out}
    assert len(held) >= 11
    assert len(STYLES) - len(held) >= 41
    tasks = [task for task in render.plan(*folders(), [], 60, 0) if task["kind"] == "style"]
    assert {task["style"] for task in tasks if task["split"] == "val"} == held
    assert {task["style"] for task in tasks if task["split"] == "train"} == STYLES.keys() - held


def test_weights_without_the_pooled_prompt_can_be_trained_further() -> None:
    """The pooled prompt has no effect at first, and has one after a training step."""
    torch.manual_seed(0)
    unet = model.build((32, 64, 64))
    old = {name: value for name, value in unet.state_dict().items() if not name.startswith("add_embedding.")}
    torch.manual_seed(1)
    new = model.build((32, 64, 64))
    assert set(new.load_state_dict(old, strict=False).missing_keys) == set(new.state_dict()) - set(old)
    x, prompt = torch.randn(2, 4, 8, 8), torch.randn(2, 32, clip.WIDTH)
    one, two = (model(x, 500, encoder_hidden_states=prompt).sample for model in (unet, new))
    torch.testing.assert_close(one, two)
    two.square().mean().backward()
    assert new.add_embedding.norm2.weight.grad.abs().max() > 0


def folders(captions: tuple[str, ...] = ("a hill", "a lake")) -> list[list[Record]]:
    """Records of photos and paintings without files."""
    return [
        [
            Record(path=Path(f"{kind}{i}.png"), caption=caption, split=split, group=kind)
            for i, (caption, split) in enumerate(itertools.product(captions * 3, ("train", "val")))
        ]
        for kind in ("photos", "paintings")
    ]


def test_a_noun_uses_pictograms_that_show_it() -> None:
    captions = (
        "Christmas tree",
        "cat with wry smile",
        "three o’clock",
        "hot dog",
        "star-struck",
        "catfish",
        "nerd face",
    )
    pictograms = render.pictograms_by_noun([Record(path=Path(c), caption=c, split="", group="") for c in captions])
    assert {word: [r.caption for r in records] for word, records in pictograms.items()} == {
        "tree": ["Christmas tree"],
        "cat": ["cat with wry smile"],
        "clock": ["three o’clock"],
    }


def test_scenes_are_captioned_with_the_nouns_in_them(tmp_path: Path) -> None:
    import cv2

    words_txt = Path(captions_of.__file__).with_name("words.txt").read_text().split()
    assert len(words_txt) == len(set(words_txt)) == 20
    for word in words_txt:
        cv2.imwrite(str(tmp_path / f"{word}.png"), np.full((24, 24, 4), 255, np.uint8))
    emoji = [Record(path=tmp_path / f"{w}.png", caption=f"small {w}", split="", group="") for w in words_txt]
    tasks = render.plan(*folders(), emoji, 400, 0)
    scenes = [task for task in tasks for content in task["contents"] if content.get("emoji")]
    assert all(task["split"] == "train" for task in scenes)
    plain = [task["contents"][0] for task in scenes if task["kind"] == "photo"]
    assert len(plain) == render.SCENES
    assert 0.1 < (len(scenes) - len(plain)) / (400 * render.PER_VARIANT) < 0.15
    captions = []
    for index, content in enumerate(plain[:200]):
        image, caption = render._emoji_scene(content | {"path": ""}, np.random.default_rng(index))
        assert image.shape == (256, 256, 3)
        assert image.max() == 1
        assert 1 <= caption.count(" and ") + 1 <= 3
        captions.append(caption)
    assert {word for caption in captions for word in caption.split()} - {"a", "an", "and"} == set(words_txt)


def test_crops_have_the_shapes_of_photos() -> None:
    rng = np.random.default_rng(0)
    for side, batch in train.BATCHES.items():
        shapes = {train.sample_shape(side, rng) for _ in range(60)}
        assert shapes == set(train.SHAPES[side])
        assert batch >= 2
        for height, width in shapes:
            assert height % 8 == width % 8 == 0
            assert max(height, width) <= 64
            assert {(height, width), (width, height)} <= shapes
    assert all(len(train.SHAPES[side]) > 1 for side in (32, 64))


@pytest.mark.parametrize("kind", ["cov", "ramp"])
def test_a_palette_moves_the_colours(kind: str, picture: np.ndarray) -> None:
    blue = np.clip(picture * 0.2 + np.float32([0.1, 0.2, 0.6]), 0, 1)
    palette = palette_of(blue, np.random.default_rng(0), kind)
    aim = np.array(palette.mean)
    from miniature.painting.palette import to_lab

    before, after = (np.abs(to_lab(x).reshape(-1, 3).mean(0) - aim).sum() for x in (picture, palette.apply(picture)))
    assert after < 0.6 * before


def rows() -> list[dict[str, str]]:
    metadata = {"kind": "style", "colours": "dark cool teal", "style": "oil"}
    contents = ("a red castle by the sea", "two cats & a dog", "Café, São Paulo", "")
    return [metadata | {"content": c, "words": w} for c in contents for w in ("thick oil brush marks", "woodcut")]


def test_the_tokenizer_decodes_what_it_encoded(tmp_path: Path) -> None:
    tokenizers.train_tokenizer(captions_of.texts_of(rows()), tmp_path, size=700)
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    assert tokenizer.eos_token_id == len(tokenizer) - 1 != 2
    text = "a red castle by the sea, woodcut in dark cool teal"
    ids = tokenizers.tokenize(tokenizer, [text])
    assert ids.shape == (1, tokenizers.CONTEXT)
    assert tokenizer.decode(ids[0], skip_special_tokens=True).replace(" ,", ",").strip() == text


def test_both_libraries_text_towers_agree() -> None:
    torch.manual_seed(0)
    model = clip.build(300).eval()
    tower = clip.text_tower(model, 300)
    ids = torch.randint(0, 298, (2, tokenizers.CONTEXT))
    ids[:, 20:] = 299
    with torch.no_grad():
        x = model.token_embedding(ids) + model.positional_embedding
        theirs = model.ln_final(model.transformer(x, attn_mask=model.attn_mask))
        ours = tower(input_ids=ids).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_training_noise_hides_the_mean_colour_and_has_unit_deviation_otherwise() -> None:
    torch.manual_seed(0)
    eps = schedule.training_noise(torch.zeros(200, 4, 16, 16))
    assert eps.mean((2, 3)).std() > 0.3
    assert (eps - eps.mean((2, 3), keepdim=True)).std() == pytest.approx(1.0, abs=0.05)


def small_run(folder: Path, steps: int) -> Run:
    torch.manual_seed(0)
    return Run(folder, {"net": nn.Linear(3, 2)}, Recipe(lr=1e-2, warmup=2), Budget(steps=steps), seed=4)


def work(run: Run, stop: int) -> None:
    for rng in run.steps():
        x = torch.from_numpy(rng.standard_normal((4, 3)).astype(np.float32))
        run.update((run.modules["net"](x) + torch.randn(4, 2)).square().mean())
        if run.step == stop:
            run.save()
            return


def test_an_interrupted_run_is_resumed_exactly(tmp_path: Path) -> None:
    straight = small_run(tmp_path / "one", 8)
    work(straight, 99)
    work(small_run(tmp_path / "two", 8), 3)
    again = small_run(tmp_path / "two", 8)
    assert again.step == 3
    work(again, 99)
    for a, b in zip(straight.params + straight.params_ema, again.params + again.params_ema, strict=True):
        assert torch.equal(a, b)
    assert json.loads((tmp_path / "two" / "state.json").read_text())["step"] == 8
    assert len(list((tmp_path / "two").glob("state-*.safetensors"))) == 1


def test_folders_without_metadata_and_with_broken_files_are_read(tmp_path: Path) -> None:
    import cv2

    for index in range(18):
        cv2.imwrite(str(tmp_path / f"{index:02}.png"), np.full((40, 30, 3), index * 9, np.uint8))
    (tmp_path / "17.png").write_bytes(b"no picture")
    records = scan(tmp_path)
    assert [r.split for r in records].count("val") == 1
    from miniature.diffusion.data.files import load

    assert load(records[17].path) is None
    image = load(records[0].path)
    assert image is not None
    assert square(image, None, size=32).shape == (32, 32, 3)


def test_the_schedule_ends_with_stable_diffusions_noise_level_and_has_less_before() -> None:
    own = schedule.scheduler()
    published = DDIMScheduler.from_config(
        own.config, trained_betas=None, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    assert torch.all(own.alphas_cumprod.diff() < 0)
    torch.testing.assert_close(own.alphas_cumprod[-1], published.alphas_cumprod[-1], rtol=1e-3, atol=0)
    snr = [a / (1 - a) for a in (own.alphas_cumprod.double(), published.alphas_cumprod.double())]
    torch.testing.assert_close(snr[0][100:900], 4 * snr[1][100:900], rtol=1e-3, atol=0)


def test_a_unet_adapted_to_another_schedule_predicts_the_same_at_the_same_noise_level() -> None:
    torch.manual_seed(0)
    unet = model.build((64, 64, 64)).eval()
    own = schedule.scheduler()
    published = DDIMScheduler.from_config(
        own.config, trained_betas=None, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    x, states = torch.randn(1, 4, 16, 16), torch.randn(1, 4, clip.WIDTH)
    t = torch.tensor([200.0, 600.0, 850.0])
    then = same_snr(own.alphas_cumprod, published.alphas_cumprod)[t.long()]
    with torch.no_grad():
        before = [unet(x, v, encoder_hidden_states=states).sample for v in then]
        unchanged = [unet(x, v, encoder_hidden_states=states).sample for v in t]
    assert adapt_time_embedding(unet, own.alphas_cumprod, published.alphas_cumprod, rounds=1) < 0.05
    with torch.no_grad():
        after = [unet(x, v, encoder_hidden_states=states).sample for v in t]
    for expected, wrong, result in zip(before, unchanged, after, strict=True):
        assert (result - expected).norm() < 0.3 * (wrong - expected).norm()


def test_texture_loss_ignores_position_and_brightness_and_detects_blur() -> None:
    torch.manual_seed(0)
    noisy = torch.randn(2, 4, 24, 24)
    moved = noisy.roll((5, 7), (2, 3)) + 3
    blurred = nn.functional.avg_pool2d(noisy, 3, 1, 1)
    assert losses.latent_texture(noisy, noisy).max() == 0
    assert (4 * losses.latent_texture(moved, noisy) < losses.latent_texture(blurred, noisy)).all()


@pytest.mark.parametrize("on_device", [False, True])
def test_crops_of_a_picture_and_of_its_source_are_at_the_same_position(on_device: bool) -> None:
    features = coordinates(5)
    source = embed.FeaturesOnDevice(features, torch.device("cpu")) if on_device else features
    drawn, under = source.latents_of([3, 0, 4, 3], (16, 24), np.random.default_rng(5))
    assert drawn.shape == under.shape == (4, 4, 16, 24)
    assert drawn[:, 0].flatten(1).unique(dim=1).tolist() == [[3], [0], [4], [3]]
    assert (drawn[:, 1].diff(dim=1) == 1).all()
    assert (drawn[:, 2].diff(dim=2) == 1).all()
    assert len(drawn[:, 1:3, 0, 0].unique(dim=0)) == 4  # random corners
    assert torch.equal(under[1], -drawn[1])
    assert torch.equal(under[2], drawn[2])
    pooled, patches = source.style_of([0, 1], 96, np.random.default_rng(6))
    assert pooled.shape == (2, 1, 8)
    assert [len(row.unique()) for row in patches[..., 0]] == [96, 96]
