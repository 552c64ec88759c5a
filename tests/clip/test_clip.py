"""CLIP from open_clip and from transformers: embeddings, preprocessing, and what the errors say."""

import pytest
import torch
from PIL import Image
from support.clip_weights import MEAN, STD, write_open_clip, write_transformers

from inst.clip import load_clip
from inst.clip.backbone import Preprocessing
from inst.errors import ModelError
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)
TEXTS = ["a boat", "Größe: it's 12 cats!", "", "many words " * 20]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_open_clip(tmp_path_factory.mktemp("clip") / "open_clip")


@pytest.fixture(scope="module")
def ours(folder):
    return load_clip(f"local-dir:{folder}", CPU)


@pytest.fixture(scope="module")
def theirs(folder, tmp_path_factory):
    return load_clip(f"hf:{write_transformers(tmp_path_factory.mktemp('hf') / 'clip', folder)}", CPU)


@pytest.fixture
def images():
    return torch.rand(2, 3, 41, 70, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_open_clip_and_transformers_agree(ours, theirs, images):
    assert (ours.embed_dim, ours.image_size) == (theirs.embed_dim, theirs.image_size) == (24, 32)
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(ours.embed_images(images), theirs.embed_images(images), **close)
    torch.testing.assert_close(ours.embed_patches(images), theirs.embed_patches(images), **close)
    torch.testing.assert_close(ours.embed_text(TEXTS), theirs.embed_text(TEXTS), **close)


def test_embed_both_equals_the_separate_embeddings(ours, theirs, images):
    for clip in (ours, theirs):
        pooled, patches = clip.embed_both(images)
        assert torch.equal(pooled, clip.embed_images(images))
        assert torch.equal(patches, clip.embed_patches(images))
        assert patches.shape == (2, 16, 24)
        assert pooled.norm(dim=1).sub(1).abs().min() > 1e-3, "not normalised"


def test_embeddings_match_open_clips_own_pipeline(folder, ours):
    """Against open_clip's own preprocessing of a PIL image, which rounds to 8 bits after resizing, and its encoders."""
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    x = torch.linspace(0, 255, 64)
    smooth = torch.stack([x[None] + x[:, None] * 0, x[:, None] + x[None] * 0, (x[:, None] + x[None]) / 2], dim=-1)
    picture = Image.fromarray(smooth.round().byte().numpy()).resize((90, 64))
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(64, 90, 3)
    image = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        expected = model.eval().encode_image(preprocess(picture)[None])
        text = model.encode_text(open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS))
    torch.testing.assert_close(ours.preprocessing(image), preprocess(picture)[None], rtol=0, atol=0.6 / 255 / min(STD))
    torch.testing.assert_close(ours.embed_images(image), expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(ours.embed_text(TEXTS), text)


def test_an_image_of_the_right_size_is_only_normalised(ours):
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    expected = (images / 2 + 0.5 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(ours.preprocessing(images), expected)


def test_resize_mode_squash_does_not_crop():
    images = torch.zeros(1, 3, 32, 64)
    images[..., :16] = images[..., -16:] = 1
    plain = {"size": 16, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    assert Preprocessing(**plain)(images).max() < 0.75, (
        "the margins are cropped away; bicubic interpolation leaves a little of them"
    )
    assert Preprocessing(**plain, resize_mode="squash")(images).max() > 0.95


def test_patch_tokens_are_in_row_major_order(ours):
    """Attention spreads a change to all patch tokens, but the token of the changed patch changes most."""
    one = torch.zeros(1, 3, 32, 32)
    other = one.clone()
    other[..., 8:16, 24:32] = 1  # row 1, column 3 of 4×4
    change = (ours.embed_patches(other) - ours.embed_patches(one)).norm(dim=-1)[0]
    assert change.argmax() == 1 * 4 + 3


def test_gradients_reach_the_images_but_no_weights(ours, theirs, images):
    for clip in (ours, theirs):
        leaf = images.clone().requires_grad_()
        pooled, patches = clip.embed_both(leaf)
        (pooled.sum() + patches.sum()).backward()
        assert leaf.grad.abs().sum() > 0
        assert all(parameter.grad is None and not parameter.requires_grad for parameter in clip.model.parameters())


def test_bfloat16_gives_similar_float32_embeddings(folder, ours, images):
    half = load_clip(f"local-dir:{folder}", Placement(torch.device("cpu"), torch.bfloat16))
    found = half.embed_images(images)
    assert found.dtype == torch.float32
    assert torch.cosine_similarity(found, ours.embed_images(images)).min() > 0.99


def test_two_loaded_models_are_independent(folder, ours, images, tmp_path):
    before = ours.embed_images(images)
    other = load_clip(f"local-dir:{write_open_clip(tmp_path / 'other', seed=1)}", CPU)
    assert not torch.allclose(other.embed_images(images), before)
    assert torch.equal(ours.embed_images(images), before)


def test_a_vision_tower_with_layer_norm_after_pooling(tmp_path, images):
    """The final layer norm is applied to patch tokens as well."""
    late = {"pool_type": "avg", "final_ln_after_pool": True}
    clip = load_clip(f"local-dir:{write_open_clip(tmp_path / 'late', vision=late)}", CPU)
    visual = clip.model.visual
    hidden = visual.transformer(visual._embeds(clip.preprocessing(images)))[:, 1:]
    pooled, patches = clip.embed_both(images)
    torch.testing.assert_close(patches, visual.ln_post(hidden) @ visual.proj)
    torch.testing.assert_close(pooled, visual.ln_post(hidden.mean(dim=1)) @ visual.proj)


def test_a_vision_tower_without_patch_tokens_is_refused_for_patches(tmp_path, images):
    resnet = {"layers": [1, 1, 1, 1], "width": 16, "head_width": 16, "patch_size": None}
    clip = load_clip(f"local-dir:{write_open_clip(tmp_path / 'resnet', vision=resnet)}", CPU)
    assert clip.embed_images(images).shape == (2, 24)
    with pytest.raises(ModelError, match="no patch tokens"):
        clip.embed_patches(images)


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match=r"clip=ViT-S-32-alt:.*cannot be loaded"):
        load_clip(f"ViT-S-32-alt:{tmp_path / 'weights.safetensors'}", CPU)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ViT-L-14/openai", "HF_HUB_OFFLINE"),
        ("ViT-L-14", "clip=ViT-L-14"),
        ("ViT-L-14/nope", "laion400m_e31"),
        ("ViT-L-41", "ViT-L-14"),
        ("ViT-L-14:/no/file.safetensors", "does not exist"),
        ("local-dir:/no/folder", "open_clip_config.json"),
        ("hf:/no/folder", "neither a folder"),
        ("hf:openai/clip-vit-large-patch14", "HF_HUB_OFFLINE"),
    ],
)
def test_missing_models_are_refused_with_one_line(name, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_clip(name, CPU)
    assert "\n" not in str(caught.value)


def test_a_folder_without_weights_is_refused(tmp_path, folder):
    (tmp_path / "open_clip_config.json").write_bytes((folder / "open_clip_config.json").read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_clip(f"local-dir:{tmp_path}", CPU)
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        (tmp_path / "config.json").write_text("{}")
        load_clip(f"hf:{tmp_path}", CPU)


def test_weights_of_a_tag_and_of_a_file_with_their_activation(monkeypatch, tmp_path):
    """OpenAI's weights come from the cache and use QuickGELU, which the name does not say; those of a file do not."""
    import huggingface_hub.constants
    import open_clip
    from safetensors.torch import save_file

    small = dict(open_clip.get_model_config("ViT-B-32"))
    small |= {"embed_dim": 24, "vision_cfg": small["vision_cfg"] | {"width": 64, "layers": 1}}
    small["text_cfg"] = small["text_cfg"] | {"width": 64, "layers": 1, "heads": 1}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-B-32", small)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--timm--vit_base_patch32_clip_224.openai"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    model = open_clip.create_model("ViT-B-32")
    save_file(model.state_dict(), snapshot / "open_clip_model.safetensors")
    file = load_clip(f"ViT-B-32:{snapshot / 'open_clip_model.safetensors'}", CPU)
    assert torch.equal(file.model.visual.proj, model.visual.proj)
    assert isinstance(file.model.visual.transformer.resblocks[0].mlp.gelu, torch.nn.GELU)
    clip = load_clip("ViT-B-32/openai", CPU)
    assert isinstance(clip.model.visual.transformer.resblocks[0].mlp.gelu, open_clip.transformer.QuickGELU)
    assert torch.equal(clip.model.visual.proj, model.visual.proj)
    assert clip.preprocessing.mean[0] == pytest.approx(0.48145466)
