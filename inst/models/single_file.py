"""Reading a model from a single file in the layout of the original latent-diffusion code (LDM). No network is built."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from inst.errors import InstWarning, ModelError
from inst.models.build import read_weights
from inst.models.identify import TEXT, UNET, VAE, describe, describe_inputs
from inst.models.ldm_config import (
    OPEN_CLIP,
    Config,
    Family,
    has_open_clip,
    open_clip_layers,
    shipped_config,
    text_config,
    unet_config,
    vae_config,
)
from inst.models.source import PredictionType
from inst.models.tokenizer import VOCABULARY_SIZE

Weights = Mapping[str, Tensor]


class Component(NamedTuple):
    """A network's configuration, and its weights by the names that diffusers or transformers use."""

    config: Config
    weights: dict[str, Tensor]


class LdmFile(NamedTuple):
    """The parts of a model that its file contains.

    Attributes:
        unet, vae, text_encoder: configurations and weights of the networks.
        schedule_config: the scheduler's configuration.
        pad_token: the padding token of the tokenizer.
    """

    unet: Component
    vae: Component
    text_encoder: Component
    schedule_config: dict[str, Any]
    pad_token: str


def read_ldm_file(path: Path, prediction_type: PredictionType | None) -> LdmFile:
    """Read a ``.safetensors`` or ``.ckpt`` file.

    Callbacks and optimizers in a pickle are never constructed, and EMA copies of the weights are ignored.

    Args:
        path: the file; its content decides the format, not its name.
        prediction_type: what the U-Net predicts. The file does not say; None assumes epsilon for SD 1.x and
            v_prediction for SD 2.x.

    Raises:
        InputError: the file is damaged or unsafe.
        ModelError: the file is not a Stable Diffusion 1.x or 2.x model; the message says what it seems to be.
    """
    weights = _parts_of(path)
    family = _family(weights, prediction_type)
    try:
        return LdmFile(
            unet=_unet(weights, family),
            vae=_vae(weights, family),
            text_encoder=_text(weights, family),
            schedule_config=shipped_config(family, "scheduler") | _prediction(prediction_type),
            pad_token="!" if has_open_clip(weights) else "<|endoftext|>",
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from None
    except (KeyError, IndexError, AttributeError) as error:  # raised by diffusers' converters if weights are missing
        raise ModelError(
            f"{path.name} is not a complete Stable Diffusion model: a weight is missing ({error})"
        ) from error


def _parts_of(path: Path) -> Weights:
    weights = read_weights(path)
    kept = {name: value for name, value in weights.items() if name.startswith((UNET, VAE, TEXT))}
    if any(not any(name.startswith(part) for name in kept) for part in (UNET, VAE, TEXT)):
        raise ModelError(f"{path.name} {describe(weights.keys())}")
    if any("joint_blocks" in name or "double_blocks" in name for name in kept):
        raise ModelError(f"{path.name} {describe(weights.keys())}")
    return kept


def _family(weights: Weights, prediction_type: PredictionType | None) -> Family:
    if not has_open_clip(weights):
        return "v1"
    if prediction_type is None:
        warnings.warn(
            "an SD 2.x file does not say what its U-Net predicts; v_prediction is assumed. "
            "If the results are only noise, give --prediction-type epsilon",
            InstWarning,
            stacklevel=2,
        )
    return "v2-base" if prediction_type == "epsilon" else "v2"


def _prediction(prediction_type: PredictionType | None) -> dict[str, Any]:
    return {} if prediction_type is None else {"prediction_type": prediction_type}


def _unet(weights: Weights, family: Family) -> Component:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    config = unet_config(weights, family)
    if f"{UNET}label_emb.0.0.weight" in weights:
        raise ModelError("its U-Net needs more inputs than a text (unCLIP or SDXL): SD 1.x and 2.x are supported")
    latent_channels = weights[f"{VAE}decoder.conv_in.weight"].shape[1]
    if config["in_channels"] != latent_channels:
        raise ModelError(f"it is {describe_inputs(config['in_channels'])}: a text-to-image model is needed")
    return Component(config, _present(convert_ldm_unet_checkpoint(_only(weights, UNET), config)))


def _vae(weights: Weights, family: Family) -> Component:
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    config = vae_config(weights, family)
    return Component(config, _present(convert_ldm_vae_checkpoint(_only(weights, VAE), config)))


def _text(weights: Weights, family: Family) -> Component:
    from diffusers.loaders.single_file_utils import convert_ldm_clip_checkpoint

    config = text_config(weights, family)
    if config["vocab_size"] < VOCABULARY_SIZE:
        raise ModelError(
            f"its vocabulary has {config['vocab_size']} tokens, but CLIP's has {VOCABULARY_SIZE}: it is not supported"
        )
    if has_open_clip(weights):
        return Component(config, _open_clip(weights))
    return Component(config, convert_ldm_clip_checkpoint(_only(weights, TEXT)))


def _open_clip(weights: Weights) -> dict[str, Tensor]:
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    kept = dict(_only(weights, OPEN_CLIP))
    last = f"{OPEN_CLIP}transformer.resblocks.{open_clip_layers(weights)}."
    # Without the text projection, the converter takes the width from the configuration.
    kept = {k: v for k, v in kept.items() if not k.startswith(last) and k != OPEN_CLIP + "text_projection"}
    width = kept[OPEN_CLIP + "token_embedding.weight"].shape[1]
    return convert_open_clip_checkpoint(_WithWidth(width), kept, prefix=OPEN_CLIP)


class _WithWidth:
    """A stand-in for the text encoder with the only attribute that the converter reads."""

    def __init__(self, hidden_size: int) -> None:
        self.config = self
        self.hidden_size = hidden_size


def _present(converted: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    """Drop the entries that the converters set to None because a weight is missing. Loading reports them later."""
    return {name: value for name, value in converted.items() if value is not None}


def _only(weights: Weights, prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if name.startswith(prefix)}
