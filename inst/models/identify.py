"""What a weight file is, told from the names in it: the wrong kind gets a sentence instead of a key error."""

from __future__ import annotations

from collections.abc import Callable, Collection

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model."

Names = Collection[str]
SUPPORTED = "SD 1.x and 2.x are supported"


def _some(*parts: str) -> Callable[[Names], bool]:
    return lambda names: any(part in name for name in names for part in parts)


def _starts(*prefixes: str) -> Callable[[Names], bool]:
    return lambda names: any(name.startswith(prefixes) for name in names)


KINDS: tuple[tuple[Callable[[Names], bool], str], ...] = (
    (
        _some("lora_up", "lora_down", "lora_A", "lora_B", "lora_unet", "hada_w1", "lokr_w1"),
        "a LoRA: give the model it belongs to",
    ),
    (
        _some("emb_params", "string_to_param"),
        "a textual inversion: it goes with the model it was learned on",
    ),
    (lambda names: {"clip_l", "clip_g"} <= set(names), "a textual inversion for SDXL"),
    (_starts("control_model."), "a ControlNet"),
    (
        _some("conditioner.embedders.1.", "conditioner.embedders.0.model."),
        f"an SDXL model: {SUPPORTED}",
    ),
    (_some("joint_blocks."), f"a Stable Diffusion 3 model: {SUPPORTED}"),
    (_some("double_blocks.", "single_transformer_blocks."), f"a Flux model: {SUPPORTED}"),
    (_some("motion_modules."), "an AnimateDiff motion module"),
    (
        _starts("down_blocks.", "time_embedding."),
        "a U-Net of a diffusers folder: give the folder with model_index.json",
    ),
    (_starts("generator", "g_ema", "synthesis."), "a GAN"),
    (lambda names: 0 < len(names) <= 4, "a textual inversion or another small file: a whole model is needed"),
)


def describe(names: Names) -> str:
    """What a file with these names seems to be when it is no whole Stable Diffusion model."""
    if not names:
        return "holds no weights"
    for fits, words in KINDS:
        if fits(names):
            return f"seems to be {words}"
    has = {part: any(name.startswith(part) for name in names) for part in (UNET, VAE, TEXT)}
    if has[UNET]:
        lacking = " and ".join(words for part, words in ((VAE, "autoencoder"), (TEXT, "text encoder")) if not has[part])
        return f"lacks its {lacking}: give the full file" if lacking else "is a Stable Diffusion model"
    if has[VAE] or _starts("encoder.", "decoder.")(names):
        return "seems to be an autoencoder (VAE) alone: give the whole model"
    if has[TEXT] or _some("text_model.", "token_embedding")(names):
        return "seems to be a text encoder or CLIP alone: give the whole model"
    return "is not a Stable Diffusion model in the LDM layout"


OTHER_INPUTS = {
    5: "a depth-to-image model",
    7: "an upscaler",
    8: "an InstructPix2Pix model",
    9: "an inpainting model",
}


def describe_inputs(channels: int) -> str:
    """What a U-Net with this many input channels is, where it takes more than the latents."""
    return OTHER_INPUTS.get(channels, f"a U-Net with {channels} input channels")
