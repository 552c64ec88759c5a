"""Loading a model from a :class:`~inst.models.source.ModelSource`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from inst.errors import ModelError
from inst.hub import fetch, files_in
from inst.models.attention import use_xformers
from inst.models.build import build, read_config, read_weights
from inst.models.cpu_attention import use_block_attention_where_faster
from inst.models.fingerprint import modules_fingerprint
from inst.models.identify import describe_inputs
from inst.models.latent_diffusion import LatentDiffusion, alphas_cumprod
from inst.models.parts import INDEX, choose_parts
from inst.models.settings import DEFAULTS_FILE, ModelDefaults, family_defaults, with_overrides
from inst.models.single_file import Component, read_ldm_file
from inst.models.source import PREDICTION_TYPES, ModelSource, PredictionType
from inst.models.text import TextConditioner
from inst.models.tokenizer import clip_tokenizer, tokenizer_from_folder
from inst.placement import Placement

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer


def load(
    source: ModelSource, placement: Placement, *, attention: Literal["sdpa", "xformers"] = "sdpa"
) -> LatentDiffusion:
    """Load a model, frozen and in evaluation mode.

    Args:
        source: where the model comes from, see :func:`inst.models.source.parse_source`.
        placement: the device and the precision of the networks.
        attention: ``xformers`` uses xformers' attention in the U-Net, or warns if it does not work.

    Raises:
        ModelError: the model cannot be found or downloaded, is incomplete, or is of an unsupported kind.
        InputError: a file is damaged or unsafe.

    >>> from inst.models.source import parse_source
    >>> from inst.placement import choose_placement
    >>> model = load(parse_source("mini"), choose_placement("cpu"))
    >>> model.decode(model.encode(torch.zeros(1, 3, 64, 64))).shape
    torch.Size([1, 3, 64, 64])
    """
    match source.kind:
        case "mini":
            from inst.assets import mini_folder

            model = _from_folder(mini_folder(), "mini", source, placement)
        case "hub":
            choose = partial(_names_of_parts, half=placement.dtype != torch.float32)
            folder = fetch(source.value, choose, markers=[INDEX], hint=source.hint)
            model = _from_folder(folder, source.value, source, placement)
        case "folder":
            model = _from_folder(source.path, source.path.resolve().name, source, placement)
        case "file":
            model = _from_file(source.path, source, placement)
    use_block_attention_where_faster(model.unet, placement)
    if attention == "xformers":
        use_xformers(model.unet, placement)
    return model


def _names_of_parts(names: Any, *, half: bool) -> list[str]:
    return choose_parts(names, half=half).names


def _from_folder(folder: Path, name: str, source: ModelSource, placement: Placement) -> LatentDiffusion:
    try:
        parts = choose_parts(files_in(folder), half=placement.dtype != torch.float32)
        networks = [_component(folder, weights) for weights in (parts.unet, parts.vae, parts.text_encoder)]
        return _assemble(
            name,
            *networks,
            schedule_config=_schedule(read_config(folder / "scheduler/scheduler_config.json"), source.prediction_type),
            tokenizer=tokenizer_from_folder(folder / "tokenizer"),
            placement=placement,
            folder=folder,
        )
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error.__cause__


def _component(folder: Path, weights: str) -> Component:
    path = folder / weights
    return Component(read_config(path.parent / "config.json"), read_weights(path))


def _from_file(path: Path, source: ModelSource, placement: Placement) -> LatentDiffusion:
    file = read_ldm_file(path, source.prediction_type)
    try:
        return _assemble(
            path.stem,
            file.unet,
            file.vae,
            file.text_encoder,
            schedule_config=file.schedule_config,
            tokenizer=clip_tokenizer(
                pad_token=file.pad_token, max_length=file.text_encoder.config["max_position_embeddings"]
            ),
            placement=placement,
            folder=None,
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error.__cause__


def _assemble(
    name: str,
    unet: Component,
    vae: Component,
    text_encoder: Component,
    *,
    schedule_config: dict[str, Any],
    tokenizer: CLIPTokenizer,
    placement: Placement,
    folder: Path | None,
) -> LatentDiffusion:
    _check_kind(unet.config, vae.config, text_encoder.config)
    built_unet = _build_unet(unet, placement)
    built_vae = _build_vae(vae, placement)
    built_text = _build_text(text_encoder, placement)
    factor = 2 ** (len(built_vae.config["block_out_channels"]) - 1)
    defaults = _defaults(text_encoder.config["hidden_size"], unet.config["sample_size"] * factor, folder)
    return LatentDiffusion(
        name=name,
        revision_hash=modules_fingerprint([built_unet, built_vae, built_text]),
        vae=built_vae,
        unet=built_unet,
        text=TextConditioner(tokenizer, built_text),
        schedule_config=schedule_config,
        alphas_cumprod=alphas_cumprod(schedule_config),
        prediction_type=_prediction_type(schedule_config),
        defaults=defaults,
        placement=placement,
        clip_name=_clip_name(defaults.clip, folder),
        folder=folder,
    )


def _check_kind(unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any]) -> None:
    """Check that the networks are of supported kinds and fit each other."""
    for what, config, kind in (("U-Net", unet, "UNet2DConditionModel"), ("autoencoder", vae, "AutoencoderKL")):
        if config.get("_class_name", kind) != kind:
            raise ModelError(f"its {what} is a {config['_class_name']}; SD 1.x and 2.x have a {kind}")
    # The type "text" pools the text conditioning that the U-Net receives anyway.
    if unet.get("addition_embed_type") not in (None, "text") or unet.get("class_embed_type"):
        raise ModelError("its U-Net needs more inputs than a text (SDXL or unCLIP): SD 1.x and 2.x are supported")
    if unet["in_channels"] != vae["latent_channels"]:
        raise ModelError(f"it is {describe_inputs(unet['in_channels'])}: a text-to-image model is needed")
    if unet["cross_attention_dim"] != text["hidden_size"]:
        raise ModelError(
            f"its U-Net takes text embeddings of width {unet['cross_attention_dim']}, but its text encoder has "
            f"{text['hidden_size']}: the parts are of different models"
        )


def _build_unet(part: Component, placement: Placement) -> UNet2DConditionModel:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return build("U-Net", lambda: _from_config(UNet2DConditionModel, part.config), part.weights, placement)


def _build_vae(part: Component, placement: Placement) -> AutoencoderKL:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return build("autoencoder", lambda: _from_config(AutoencoderKL, part.config), part.weights, placement)


def _build_text(part: Component, placement: Placement) -> CLIPTextModel:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    config = CLIPTextConfig.from_dict(part.config, attn_implementation="sdpa")
    return build("text encoder", lambda: CLIPTextModel(config), part.weights, placement)


def _from_config(kind: Any, config: dict[str, Any]) -> Any:
    return kind.from_config({key: value for key, value in config.items() if not key.startswith("_")})


def _schedule(config: dict[str, Any], prediction_type: PredictionType | None) -> dict[str, Any]:
    return config if prediction_type is None else config | {"prediction_type": prediction_type}


def _prediction_type(schedule_config: dict[str, Any]) -> PredictionType:
    text = schedule_config.get("prediction_type", "epsilon")
    if text not in PREDICTION_TYPES:
        raise ModelError(f"its U-Net predicts {text!r}; epsilon and v_prediction are supported")
    return PREDICTION_TYPES[text]


def _defaults(text_width: int, resolution: int, folder: Path | None) -> ModelDefaults:
    defaults = family_defaults(text_width=text_width, resolution=resolution)
    if folder is None or not (folder / DEFAULTS_FILE).is_file():
        return defaults
    return with_overrides(defaults, read_config(folder / DEFAULTS_FILE), DEFAULTS_FILE)


def _clip_name(clip: str, folder: Path | None) -> str:
    prefix = "local-dir:"
    if folder is None or not clip.startswith(prefix):
        return clip
    # Absolute paths are not changed by this.
    return prefix + str(folder / clip.removeprefix(prefix))
