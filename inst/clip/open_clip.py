"""CLIP models of the open_clip package, loaded by architecture and tag, from a weight file, or from a folder."""

from __future__ import annotations

import difflib
import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from inst.clip.backbone import Preprocessing
from inst.errors import ModelError
from inst.finite import check_weights
from inst.hub import fetch, files_in
from inst.placement import Placement
from inst.shapes import Image, ImageEmbeds, PatchEmbeds

if TYPE_CHECKING:
    from open_clip import CLIP

LOCAL = "local-dir:"
HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
"""File names of the weights in open_clip's repositories, in order of preference."""


class OpenClipBackbone:
    """A frozen open_clip model that implements ``ClipBackbone``."""

    def __init__(self, name: str, model: CLIP, tokenize: Callable[[list[str]], Tensor], placement: Placement) -> None:
        self.name = name
        self.model = model.requires_grad_(False).eval().to(placement.device, placement.dtype)
        self.tokenize = tokenize
        self.placement = placement
        self.preprocessing = _preprocessing(name, model.visual)
        self.image_size = self.preprocessing.size
        self.embed_dim: int = self.model.encode_text(self.tokenize([""]).to(placement.device)).shape[1]
        visual: Any = self.model.visual
        self.has_patches = _is_plain_vit(visual)
        if self.has_patches:
            # Set permanently: switching it on and off for each call would not be thread-safe.
            visual.output_tokens = True

    def embed_images(self, images: Image) -> ImageEmbeds:
        return self._run_vision_tower(images)[0].float()

    def embed_patches(self, images: Image) -> PatchEmbeds:
        return self.embed_both(images)[1]

    def embed_both(self, images: Image) -> tuple[ImageEmbeds, PatchEmbeds]:
        pooled, tokens = self._run_vision_tower(images)
        if tokens is None:
            raise ModelError(
                f"clip={self.name} has no patch tokens in its embedding space: choose a ViT, such as ViT-L-14"
            )
        visual: Any = self.model.visual
        # Towers that apply the final norm after pooling have not applied it to their patch tokens.
        normalized = visual.ln_post(tokens) if visual.final_ln_after_pool else tokens
        return pooled.float(), (normalized @ visual.proj).float()

    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        ids = self.tokenize(list(texts)).to(self.placement.device)
        return self.model.encode_text(ids).float()

    def _run_vision_tower(self, images: Image) -> tuple[Tensor, Tensor | None]:
        """The pooled and projected embeddings, and the patch tokens before projection if the tower has them."""
        pixels = self.preprocessing(images.to(self.placement.device)).to(self.placement.dtype)
        if self.has_patches:
            return self.model.visual(pixels)
        return self.model.encode_image(pixels), None


def _is_plain_vit(visual: Any) -> bool:
    """Whether patch tokens can be projected like the pooled embedding; not in ResNets or with attention pooling."""
    return hasattr(visual, "output_tokens") and hasattr(visual, "ln_post") and visual.attn_pool is None


def load_open_clip(name: str, placement: Placement) -> OpenClipBackbone:
    """Load an open_clip model; see :func:`inst.clip.load_clip`.

    Args:
        name: ``ViT-L-14/openai``, ``ViT-L-14:/file.safetensors`` or ``local-dir:/folder``. Without a tag, OpenAI's
            weights or else the first tag are used. The weights of a tag come from the hub's cache or the hub.
        placement: the device and the precision of the model.

    Raises:
        ModelError: the name is unknown, or the weights cannot be found or downloaded, or do not fit.
    """
    import open_clip

    if name.startswith(LOCAL):
        _check_folder(name)
        architecture, options = name, {}
    else:
        architecture, weights = parse_open_clip_name(name)
        options = _weights_options(name, architecture, weights)
    with _quiet(), _loading_errors(name):
        model: Any = open_clip.create_model(architecture, require_pretrained=True, **options)
        tokenize = open_clip.get_tokenizer(architecture)
    check_weights(model, f"CLIP {name}")
    return OpenClipBackbone(name, model, tokenize, placement)


def _check_folder(name: str) -> None:
    if not (Path(name.removeprefix(LOCAL)) / "open_clip_config.json").is_file():
        raise ModelError(f"clip={name}: the folder does not exist or contains no open_clip_config.json")


def parse_open_clip_name(name: str) -> tuple[str, str]:
    """The architecture, and either the tag of its weights or the path of a weight file.

    Raises:
        ModelError: open_clip has no such architecture or tag, or the file does not exist.

    >>> parse_open_clip_name("ViT-L-14")
    ('ViT-L-14', 'openai')
    """
    import open_clip

    architecture, file_mark, rest = name.partition(":")
    if not file_mark:
        architecture, _, rest = name.partition("/")
    if architecture not in open_clip.list_models():
        similar = ", ".join(difflib.get_close_matches(architecture, open_clip.list_models(), n=3))
        raise ModelError(
            f"clip={name}: open_clip has no architecture {architecture}; try {similar or 'ViT-L-14/openai'}"
        )
    if file_mark:
        if not Path(rest).is_file():
            raise ModelError(f"clip={name}: the file {rest} does not exist")
        return architecture, rest
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    tag = rest or ("openai" if "openai" in tags else "".join(tags[:1]))
    if tag not in tags:
        raise ModelError(
            f"clip={name}: open_clip publishes no such weights; give {architecture}:FILE or one of its tags "
            f"({', '.join(tags) or 'it has none'})"
        )
    return architecture, tag


def _weights_options(name: str, architecture: str, weights: str) -> dict[str, Any]:
    """The arguments of ``open_clip.create_model`` for the weights of a file or tag.

    The file of a tag is downloaded here, because open_clip's own download retries for 47 s without a network.
    """
    import open_clip

    tag = open_clip.pretrained.get_pretrained_cfg(architecture, weights)
    repository, _, file = str(tag.get("hf_hub", "")).rpartition("/")
    if not tag or not repository:
        return {"pretrained": weights}
    wanted = [file] if file else list(HUB_WEIGHTS)
    folder = fetch(repository, partial(_first_of, wanted), markers=wanted, hint=f" (clip={name})")
    path = folder / _first_of(wanted, files_in(folder))[0]
    return {
        "pretrained": str(path),
        # OpenAI's weights need QuickGELU, which the architecture name alone does not select.
        "force_quick_gelu": bool(tag.get("quick_gelu")),
        "force_preprocess_cfg": {key: tag[key] for key in ("mean", "std", "interpolation", "resize_mode")},
    }


def _first_of(wanted: Sequence[str], names: Collection[str]) -> list[str]:
    for name in wanted:
        if name in names:
            return [name]
    raise ModelError(f"{' or '.join(wanted)} is missing")


@contextmanager
def _loading_errors(name: str) -> Iterator[None]:
    """Turn any exception raised while a model is created into a ModelError about ``name``."""
    try:
        yield
    except Exception as error:  # open_clip raises exceptions of many types
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"clip={name} cannot be loaded: {first_line}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress open_clip's log messages, as errors are raised anyway, and warnings about choices that are made here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _preprocessing(name: str, visual: nn.Module) -> Preprocessing:
    config: Any = visual.preprocess_cfg
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width or config["resize_mode"] not in ("shortest", "squash"):
        raise ModelError(
            f"clip={name} expects images of {height}×{width} pixels with resize mode {config['resize_mode']}: only "
            "square images and the modes shortest and squash are supported"
        )
    return Preprocessing(
        size=height,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        resize_mode=config["resize_mode"],
    )
