"""Describes a file that holds no supported generator, judging by the names of its tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from inst.files import Inert

Names = Collection[str]
SUPPORTED = "give a StyleGAN2: rosinality's .pt (g_ema), NVIDIA's StyleGAN2-ADA .pkl (G_ema) or inst's .safetensors"


def _starts(*prefixes: str) -> Callable[[Names], bool]:
    return lambda names: any(name.startswith(prefixes) for name in names)


def _both(first: str, second: str) -> Callable[[Names], bool]:
    return lambda names: _starts(first)(names) and _starts(second)(names)


KINDS: tuple[tuple[Callable[[Names], bool], str], ...] = (
    (_starts("module.att_mapper.", "att_mapper."), "an FFCLIP mapper"),
    (_starts("mapper."), "a StyleCLIP mapper"),
    (_both("encoder.input_layer.", "decoder."), "an e4e or pSp encoder"),
    (_both("input_layer.", "body."), "an ArcFace network"),
    (_both("trunk.", "identity."), "an identity network for avatars"),
    (_starts("model.diffusion_model.", "first_stage_model.", "cond_stage_model."), "a Stable Diffusion model"),
    (_starts("down_blocks.", "unet.", "time_embedding."), "a component of a Stable Diffusion model"),
    (_starts("lora_", "lora."), "a LoRA"),
    (_starts("visual.", "vision_model.", "text_model."), "a CLIP model"),
    (_starts("string_to_param", "string_to_token", "emb_params", "vectors"), "a style or a textual inversion"),
    (_starts("g_synthesis.", "g_mapping."), "a StyleGAN 1 generator"),
    (_starts("synthesis.L0_", "synthesis.input."), "a StyleGAN3 generator"),
    (_starts("from_rgb", "convs.0.conv1", "final_linear."), "a StyleGAN2 discriminator"),
)


def describe(content: object) -> str:
    """A verb phrase that says what a file with this content seems to be."""
    if isinstance(content, (tuple, list)) and any(_is_tensorflow(part) for part in content):
        return "seems to be a TensorFlow pickle of StyleGAN: convert it with legacy.py of stylegan2-ada-pytorch"
    if isinstance(content, Inert):
        return f"holds an object of {content.name[:80]}"
    names = names_in(content)
    for matches, kind in KINDS:
        if matches(names):
            return f"seems to be {kind}"
    shown = ", ".join(sorted(names)[:3])
    return f"is not a generator (it holds {shown})" if shown else "holds no generator"


def names_in(content: object) -> list[str]:
    """The top-level names in a file and those of the state dicts nested in it."""
    if not isinstance(content, Mapping):
        return []
    inner = [value for key, value in content.items() if key in ("state_dict", "model", "params", "params_ema", "d")]
    return [str(key) for part in (content, *inner) if isinstance(part, Mapping) for key in part if isinstance(key, str)]


def _is_tensorflow(part: object) -> bool:
    return isinstance(part, Inert) and part.name.startswith("dnnlib.tflib.")
