"""The layout of a diffusers folder: which of its files are needed to load a model.

Only file names are considered, so that folders and hub repositories are treated alike.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inst.errors import ModelError
from inst.models.settings import DEFAULTS_FILE

INDEX = "model_index.json"
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
PICKLE_STEMS = {**STEMS, "text_encoder": "pytorch_model"}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files to read, relative to the folder.

    Attributes:
        unet, vae, text_encoder: weight files.
        others: configurations and the tokenizer.
    """

    unet: str
    vae: str
    text_encoder: str
    others: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [self.unet, self.vae, self.text_encoder, *self.others]


def choose_parts(names: Collection[str], *, half: bool = False) -> Parts:
    """Select the files of a Stable Diffusion model, without the safety checker and without duplicates in other formats.

    Args:
        names: all files of a folder or repository.
        half: whether to prefer the fp16 weights if both variants exist.

    Raises:
        ModelError: a file is missing.
    """
    if INDEX not in names:
        raise ModelError(f"there is no {INDEX}: it is not a diffusers folder")
    configs = ["unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json"]
    tokenizer = [name for file in TOKENIZER_FILES if (name := f"tokenizer/{file}") in names]
    if missing := [name for name in configs if name not in names]:
        raise ModelError(f"{missing[0]} is missing: the folder is incomplete or not a Stable Diffusion model")
    if not {"tokenizer/tokenizer.json", "tokenizer/vocab.json"} & set(tokenizer):
        raise ModelError(
            "tokenizer/tokenizer.json and tokenizer/vocab.json are missing, one of which is needed: the folder is "
            "incomplete"
        )
    return Parts(
        unet=_weights("unet", names, half),
        vae=_weights("vae", names, half),
        text_encoder=_weights("text_encoder", names, half),
        others=(INDEX, *configs, *tokenizer, *(name for name in (DEFAULTS_FILE,) if name in names)),
    )


def _weights(part: str, names: Collection[str], half: bool) -> str:
    variants = (".fp16", "") if half else ("", ".fp16")
    candidates = [f"{part}/{STEMS[part]}{variant}.safetensors" for variant in variants]
    candidates += [f"{part}/{PICKLE_STEMS[part]}{variant}.bin" for variant in variants]
    for name in candidates:
        if name in names:
            return name
    raise ModelError(f"{part}/ contains no weights: expected {candidates[0]} or {candidates[-1]}")
