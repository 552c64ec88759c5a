"""Recognition of weight files by their tensor names, so that a wrong file gives a helpful message, not a KeyError."""

from __future__ import annotations

from collections.abc import Callable, Collection

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model."

Names = Collection[str]
SUPPORTED = "SD 1.x and 2.x are supported"


def _any_contains(*parts: str) -> Callable[[Names], bool]:
    return lambda names: any(part in name for name in names for part in parts)


def _any_starts_with(*prefixes: str) -> Callable[[Names], bool]:
    return lambda names: any(name.startswith(prefixes) for name in names)


KINDS: tuple[tuple[Callable[[Names], bool], str], ...] = (
    (
        _any_contains("lora_up", "lora_down", "lora_A", "lora_B", "lora_unet", "hada_w1", "lokr_w1"),
        "a LoRA: give the model it belongs to",
    ),
    (
        _any_contains("emb_params", "string_to_param"),
        "a textual inversion: give the model it was learned on",
    ),
    (lambda names: {"clip_l", "clip_g"} <= set(names), "a textual inversion for SDXL"),
    (_any_starts_with("control_model."), "a ControlNet"),
    (
        _any_contains("conditioner.embedders.1.", "conditioner.embedders.0.model."),
        f"an SDXL model: {SUPPORTED}",
    ),
    (_any_contains("joint_blocks."), f"a Stable Diffusion 3 model: {SUPPORTED}"),
    (_any_contains("double_blocks.", "single_transformer_blocks."), f"a Flux model: {SUPPORTED}"),
    (_any_contains("motion_modules."), "an AnimateDiff motion module"),
    (
        _any_starts_with("down_blocks.", "time_embedding."),
        "a U-Net of a diffusers folder: give the folder with model_index.json",
    ),
    (_any_starts_with("generator", "g_ema", "synthesis."), "a GAN"),
    (lambda names: 0 < len(names) <= 4, "a textual inversion or another small file: a whole model is needed"),
)


def describe(names: Names) -> str:
    """The predicate of an error message about a file that is not a complete Stable Diffusion model.

    Args:
        names: the names of the tensors in the file.

    >>> describe(["lora_unet_down_blocks_0.lora_up.weight"])
    'seems to be a LoRA: give the model it belongs to'
    """
    if not names:
        return "contains no weights"
    for matches, description in KINDS:
        if matches(names):
            return f"seems to be {description}"
    has = {part: any(name.startswith(part) for name in names) for part in (UNET, VAE, TEXT)}
    if has[UNET]:
        missing = " and ".join(name for part, name in ((VAE, "autoencoder"), (TEXT, "text encoder")) if not has[part])
        return f"lacks its {missing}: give the full file" if missing else "is a Stable Diffusion model"
    if has[VAE] or _any_starts_with("encoder.", "decoder.")(names):
        return "seems to be an autoencoder (VAE) alone: give the whole model"
    if has[TEXT] or _any_contains("text_model.", "token_embedding")(names):
        return "seems to be a text encoder or CLIP alone: give the whole model"
    return "is not a Stable Diffusion model in the LDM layout"


OTHER_INPUTS = {
    5: "a depth-to-image model",
    7: "an upscaler",
    8: "an InstructPix2Pix model",
    9: "an inpainting model",
}


def describe_inputs(channels: int) -> str:
    """The kind of model whose U-Net has this many input channels, if that is more than the latents need."""
    return OTHER_INPUTS.get(channels, f"a U-Net with {channels} input channels")
