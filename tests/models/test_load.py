"""Loading Stable Diffusion models from folders and single files, and what the errors say."""

import json
import shutil
import warnings
from dataclasses import replace
from functools import cache

import pytest
import torch
from support.ldm import ldm_weights
from support.narrow import narrow_models, write_folder

from inst.errors import InputError, InstError, ModelError
from inst.files import read_safetensors, write_safetensors
from inst.models.load import load
from inst.models.single_file import read_ldm_file
from inst.models.source import ModelSource, parse_source
from inst.placement import Placement

CPU = Placement(torch.device("cpu"), torch.float32)


def read(path, prediction_type=None, placement=CPU):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="an SD 2.x file")
        return load(parse_source(str(path), prediction_type), placement)


# only for files that no test modifies
read_once = cache(read)


def outputs(model):
    generator = torch.Generator().manual_seed(5)
    latents = torch.randn(2, model.latent_channels, 8, 8, generator=generator)
    images = torch.rand(1, 3, 64, 32, generator=generator) * 2 - 1
    conditioning = model.text.encode_prompt(["a boat", ""])
    noise = model.predict_noise(latents, torch.tensor([3, 600]), conditioning)
    return conditioning, noise, model.encode(images), model.decode(latents)


@pytest.mark.parametrize("family", ["v1", "v2"])
def test_folder_safetensors_and_ckpt_give_the_same_model(family, request):
    forms = request.getfixturevalue(family)
    folder, *files = (read_once(path) for path in (forms.folder, forms.safetensors, forms.ckpt))
    for file in files:
        for name, one, other in zip(["text", "noise", "latents", "image"], outputs(folder), outputs(file), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, msg=name)
        assert file.revision_hash == folder.revision_hash
        assert file.text.text_encoder_hash == folder.text.text_encoder_hash
        assert file.prediction_type == folder.prediction_type == ("epsilon" if family == "v1" else "v_prediction")
        assert torch.equal(file.alphas_cumprod, folder.alphas_cumprod)


def test_a_loaded_model_computes_the_same_as_the_saved_networks(v1):
    """Against the saved networks run by diffusers and transformers."""
    loaded = read_once(v1.safetensors)
    latents, images = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 64, 64) * 2 - 1
    ids = loaded.text.tokenizer(["a boat"], padding="max_length", return_tensors="pt").input_ids
    text = v1.models.text_encoder(ids).last_hidden_state
    torch.testing.assert_close(loaded.text.encode_prompt(["a boat"]), text)
    timesteps = torch.tensor([400])
    torch.testing.assert_close(
        loaded.predict_noise(latents, timesteps, text), v1.models.unet(latents, 400, text).sample
    )
    torch.testing.assert_close(loaded.encode(images), v1.models.vae.encode(images).latent_dist.mean * 0.18215)
    decoded = v1.models.vae.decode(latents / 0.18215).sample.clamp(-1, 1)
    torch.testing.assert_close(loaded.decode(latents), decoded)


def test_networks_are_frozen_and_in_evaluation_mode(model):
    for network in (model.unet, model.vae, model.text.text_encoder):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_fingerprints_do_not_depend_on_precision(model, tmp_path):
    half = narrow_models("v1")
    folder = write_folder(tmp_path / "half", type(half)(*(network.half() for network in half)))
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (folder / part / f"{stem}.safetensors").rename(folder / part / f"{stem}.fp16.safetensors")
    full = model
    for placement in (CPU, replace(CPU, dtype=torch.bfloat16)):
        other = read(folder, placement=placement)
        assert other.unet.dtype == other.vae.dtype == other.text.text_encoder.dtype == placement.dtype
        assert (other.revision_hash, other.text.text_encoder_hash) == (full.revision_hash, full.text.text_encoder_hash)
        _, noise, latents, images = outputs(other)
        assert noise.dtype == latents.dtype == images.dtype == torch.float32
        torch.testing.assert_close(noise, outputs(full)[1], rtol=0.1, atol=0.1)


def test_different_weights_have_different_fingerprints(v1, model, tmp_path):
    one = model
    other = narrow_models("v1", seed=1)
    unet_only = write_folder(tmp_path / "unet", v1.models._replace(unet=other.unet))
    text_only = write_folder(tmp_path / "text", v1.models._replace(text_encoder=other.text_encoder))
    with_other_unet = read(unet_only)
    assert with_other_unet.revision_hash != one.revision_hash
    assert with_other_unet.text.text_encoder_hash == one.text.text_encoder_hash
    assert read(text_only).text.text_encoder_hash != one.text.text_encoder_hash


def test_the_prediction_type_of_an_sd2_file_is_assumed_with_a_warning_or_given(v2):
    with pytest.warns(UserWarning, match="--prediction-type epsilon"):
        model = load(parse_source(str(v2.safetensors)), CPU)
    assert (model.prediction_type, model.defaults.resolution) == ("v_prediction", 768)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load(parse_source(str(v2.safetensors), "epsilon"), CPU)
    assert (model.prediction_type, model.defaults.resolution) == ("epsilon", 512)


def test_a_given_prediction_type_overrides_that_of_a_folder(v1):
    assert read(v1.folder, "v_prediction").prediction_type == "v_prediction"


def test_an_sd2_file_without_the_unused_layer_is_read(v2, tmp_path):
    """Such files have 23 layers and no projection, so no layer may be dropped."""
    weights, _ = read_safetensors(v2.safetensors)
    last = "cond_stage_model.model.transformer.resblocks.3."
    gone = ("cond_stage_model.model.text_projection", "cond_stage_model.model.logit_scale")
    kept = {name: value for name, value in weights.items() if not name.startswith((last, *gone))}
    assert len(kept) == len(weights) - 12 - 2
    write_safetensors(tmp_path / "back.safetensors", kept, {})
    back = read(tmp_path / "back.safetensors")
    torch.testing.assert_close(outputs(back)[0], outputs(read_once(v2.folder))[0])


def test_the_format_is_detected_from_the_content_not_the_suffix(v1, tmp_path):
    for path, name in ((v1.safetensors, "a.ckpt"), (v1.ckpt, "b.safetensors")):
        shutil.copy(path, tmp_path / name)
        file = read_ldm_file(tmp_path / name, None)
        assert file.text_encoder.config["hidden_size"] == 64
        assert len(file.unet.weights) == 686


class Hostile:
    def __reduce__(self):
        return eval, ("open('ran', 'w').write('x')",)


def test_code_in_a_ckpt_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "x": Hostile()}, "bad.ckpt")
    with pytest.raises(InstError, match=r"bad\.ckpt"):
        read(tmp_path / "bad.ckpt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["lora_unet_down_blocks_0.lora_up.weight"], "LoRA"),
        (["emb_params"], "textual inversion"),
        (["clip_l", "clip_g"], "SDXL"),
        (["conditioner.embedders.1.model.x", "model.diffusion_model.x", "first_stage_model.x"], "SDXL"),
        ([f"encoder.down.{i}.weight" for i in range(9)], "VAE"),
        ([f"first_stage_model.encoder.{i}" for i in range(9)], "VAE"),
        ([f"model.diffusion_model.joint_blocks.{i}" for i in range(9)], "Stable Diffusion 3"),
        ([f"double_blocks.{i}.img_attn" for i in range(9)], "Flux"),
        ([f"control_model.{i}" for i in range(9)], "ControlNet"),
        ([f"down_blocks.{i}.resnets" for i in range(9)], "folder with model_index"),
        ([f"model.diffusion_model.input_blocks.{i}" for i in range(9)], "lacks its autoencoder and text encoder"),
        ([f"text_model.encoder.{i}" for i in range(9)], "text encoder or CLIP"),
        ([f"layer.{i}" for i in range(9)], "not a Stable Diffusion model"),
    ],
)
def test_files_of_another_kind_are_named(names, words, tmp_path):
    write_safetensors(tmp_path / "x.safetensors", {name: torch.ones(1) for name in names}, {})
    with pytest.raises(ModelError, match=f"x.safetensors .*{words}") as caught:
        read(tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("channels", "words"), [(9, "inpainting"), (8, "InstructPix2Pix"), (5, "depth")])
def test_a_unet_with_more_input_channels_is_refused_by_kind(channels, words, v1, tmp_path):
    weights, _ = read_safetensors(v1.safetensors)
    weights["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, channels, 3, 3)
    write_safetensors(tmp_path / "x.safetensors", weights, {})
    with pytest.raises(ModelError, match=words):
        read(tmp_path / "x.safetensors")


def test_a_missing_weight_is_named(v1, tmp_path):
    weights, _ = read_safetensors(v1.safetensors)
    del weights["model.diffusion_model.out.2.bias"]
    write_safetensors(tmp_path / "x.safetensors", weights, {})
    with pytest.raises(ModelError, match=r"x\.safetensors: the U-Net lacks 1 of \d+ weights, such as conv_out\.bias"):
        read(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("model.diffusion_model.input_blocks.0", r"weight is missing \(.*input_blocks\.0\.0\.weight"),
        ("model.diffusion_model.middle_block", "weight is missing"),
        ("first_stage_model.decoder.conv_in", "weight is missing"),
        ("first_stage_model.encoder.down.2", "the autoencoder lacks|weight is missing"),
        ("cond_stage_model.transformer.text_model.encoder", "weight is missing"),
    ],
)
def test_a_missing_part_is_named(gone, words, v1, tmp_path):
    weights, _ = read_safetensors(v1.safetensors)
    kept = {name: value for name, value in weights.items() if not name.startswith(gone)}
    write_safetensors(tmp_path / "x.safetensors", kept, {})
    with pytest.raises(ModelError, match=rf"x\.safetensors.*({words})"):
        read(tmp_path / "x.safetensors")


def test_a_quantised_weight_is_named(v1, tmp_path):
    weights, _ = read_safetensors(v1.safetensors)
    weights["model.diffusion_model.out.2.bias"] = torch.zeros(4, dtype=torch.int8)
    write_safetensors(tmp_path / "x.safetensors", weights, {})
    with pytest.raises(ModelError, match=r"conv_out\.bias has the type torch\.int8"):
        read(tmp_path / "x.safetensors")


def test_files_without_weights_are_refused(tmp_path):
    (tmp_path / "page.safetensors").write_text("<!doctype html><html></html>")
    with pytest.raises(InputError, match=r"page\.safetensors"):
        read(tmp_path / "page.safetensors")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("model_index.json", "not a diffusers folder"),
        ("vae/config.json", "vae/config.json is missing"),
        ("unet/diffusion_pytorch_model.safetensors", "unet/ contains no weights"),
        ("tokenizer/tokenizer.json", "tokenizer"),
    ],
)
def test_an_incomplete_folder_names_the_missing_file(gone, words, v1, tmp_path):
    folder = shutil.copytree(v1.folder, tmp_path / "model")
    (folder / gone).unlink()
    with pytest.raises(ModelError, match=f"model: .*{words}"):
        read(folder)


def test_a_unet_with_additional_conditioning_is_refused(v1, tmp_path):
    folder = shutil.copytree(v1.folder, tmp_path / "model")
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(config | {"addition_embed_type": "text_time"}))
    with pytest.raises(ModelError, match="needs more inputs than a text"):
        read(folder)


def test_a_unet_with_a_pooled_text_embedding_is_supported(tmp_path):
    """Its time embedding gets an addition that is computed from the prompt alone, so it needs no other inputs."""
    models = narrow_models("v1")
    config = {name: value for name, value in models.unet.config.items() if not name.startswith("_")}
    pooling = {"addition_embed_type": "text", "addition_embed_type_num_heads": 4}
    models = models._replace(unet=type(models.unet).from_config(config | pooling).eval())
    model = read(write_folder(tmp_path / "pooling", models))
    latents, conditioning = torch.randn(1, 4, 8, 8), model.text.encode_prompt(["a boat"])
    with torch.no_grad():
        own = models.unet(latents, 500, encoder_hidden_states=conditioning).sample
        models.unet.add_embedding.norm2.weight.zero_()
        without = models.unet(latents, 500, encoder_hidden_states=conditioning).sample
    torch.testing.assert_close(model.predict_noise(latents, torch.tensor([500]), conditioning), own)
    assert (own - without).abs().max() > 1e-3


def test_a_text_encoder_of_another_width_is_refused(v1, v2, tmp_path):
    folder = shutil.copytree(v1.folder, tmp_path / "model")
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(config | {"cross_attention_dim": 1024}))
    with pytest.raises(ModelError, match="width 1024, but its text encoder has 64"):
        read(folder)


def test_pickled_weights_and_old_names_in_a_folder_are_read(v1, model, tmp_path):
    """Folders older than safetensors: pickled weights, attention layers named query, key and value, position ids."""
    folder = shutil.copytree(v1.folder, tmp_path / "old")
    vae, _ = read_safetensors(folder / "vae/diffusion_pytorch_model.safetensors")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, value in vae.items():
        for new_part, old_part in old.items():
            name = name.replace(f".attentions.0.{new_part}.", f".attentions.0.{old_part}.")
        renamed[name] = value
    assert set(renamed) != set(vae)
    torch.save(renamed, folder / "vae/diffusion_pytorch_model.bin")
    text, _ = read_safetensors(folder / "text_encoder/model.safetensors")
    text = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in text.items()}
    torch.save(
        text | {"text_model.embeddings.position_ids": torch.arange(77)[None]}, folder / "text_encoder/pytorch_model.bin"
    )
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    (folder / "text_encoder/model.safetensors").unlink()
    for one, other in zip(outputs(read(folder)), outputs(model), strict=True):
        torch.testing.assert_close(one, other)


def test_defaults_are_read_from_inst_json(v1, model, tmp_path):
    assert model.defaults.resolution == 64, "the U-Net's own sample size determines it"
    folder = shutil.copytree(v1.folder, tmp_path / "model")
    (folder / "inst.json").write_text(json.dumps({"num_steps": 7, "clip": "local-dir:clip"}))
    model = read(folder)
    assert (model.defaults.num_steps, model.defaults.resolution) == (7, 64)
    assert model.clip_name == f"local-dir:{folder / 'clip'}"


def test_models_of_other_sizes_than_stable_diffusions_are_supported(tmp_path):
    """Six latent channels, downsampling by 2, other scaling and shift factors, 20 positions, another schedule."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    models = narrow_models("v1")._replace(
        unet=UNet2DConditionModel(
            sample_size=16, in_channels=6, out_channels=6, block_out_channels=(16, 32), norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=24, attention_head_dim=4, layers_per_block=1,
        ),
        vae=AutoencoderKL(
            latent_channels=6, block_out_channels=(8, 16), norm_num_groups=8, scaling_factor=1.7, shift_factor=0.3,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            mid_block_add_attention=False,
        ),
        text_encoder=CLIPTextModel(CLIPTextConfig(hidden_size=24, intermediate_size=32, num_attention_heads=2,
                                                  num_hidden_layers=2, max_position_embeddings=20)),
    )  # fmt: skip
    betas = torch.linspace(1e-4, 0.03, 1000).tolist()
    folder = write_folder(tmp_path / "odd", models, trained_betas=betas)
    model = read(folder)
    assert (model.latent_channels, model.factor, model.text.max_length, model.text.token_dim) == (6, 2, 20, 24)
    assert model.defaults.resolution == 32
    torch.testing.assert_close(model.alphas_cumprod, torch.cumprod(1 - torch.tensor(betas), 0))
    images = torch.rand(1, 3, 10, 14) * 2 - 1
    mean = models.vae.eval().encode(images).latent_dist.mean
    torch.testing.assert_close(model.encode(images), (mean - 0.3) * 1.7)
    conditioning = model.text.encode_prompt(["[C]"], {"[C]": torch.ones(2, 24)})
    assert conditioning.shape == (1, 20, 24)
    assert model.eps_model(conditioning)(model.encode(images), torch.tensor([5])).shape == (1, 6, 5, 7)


def test_converted_weights_have_the_published_names():
    """Names that other tools look for in original files, which verifies the converter these tests use."""
    names = ldm_weights(*narrow_models("v1"))
    assert sum(name.startswith("model.diffusion_model.") for name in names) == 686
    assert sum(name.startswith("first_stage_model.") for name in names) == 248
    for name in (
        "model.diffusion_model.output_blocks.11.0.skip_connection.weight",
        "model.diffusion_model.output_blocks.2.1.conv.weight",
        "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight",
        "cond_stage_model.transformer.text_model.embeddings.position_ids",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.encoder.mid.attn_1.proj_out.weight",
    ):
        assert name in names


def test_an_unreachable_hub_is_one_line_with_a_replacement():
    with pytest.raises(ModelError, match=r"runwayml/.* HF_HUB_OFFLINE .*use sd15") as caught:
        load(ModelSource(kind="hub", value="runwayml/stable-diffusion-v1-5"), CPU)
    assert "\n" not in str(caught.value)


def test_a_warning_if_xformers_is_requested_but_not_installed(v1, model):
    try:
        import xformers  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("xformers is installed")
    with pytest.warns(UserWarning, match=r"xformers is not used \(it is not installed"):
        other = load(parse_source(str(v1.folder)), CPU, attention="xformers")
    torch.testing.assert_close(outputs(other)[1], outputs(model)[1])
