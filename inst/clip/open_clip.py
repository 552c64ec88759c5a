"""CLIP models of the open_clip package, by name and tag, from a file, or from a folder of their own."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from inst.clip.backbone import Preprocessing
from inst.errors import ModelError
from inst.placement import Placement
from inst.shapes import Image, ImageEmbeds, PatchEmbeds

if TYPE_CHECKING:
    from open_clip.model import CLIP

LOCAL = "local-dir:"


class OpenClipBackbone:
    """A frozen open_clip model behind `ClipBackbone`."""

    def __init__(self, name: str, model: CLIP, tokenize: Callable[[list[str]], Tensor], placement: Placement) -> None:
        self.name = name
        self.model = model.requires_grad_(False).eval().to(placement.device, placement.dtype)
        self.tokenize = tokenize
        self.placement = placement
        self.preprocessing = _preprocessing(name, model.visual)
        self.image_size = self.preprocessing.size
        self.embed_dim: int = self.model.encode_text(self.tokenize([""]).to(placement.device)).shape[1]
        self.has_patches = _is_plain_vit(model.visual)
        if self.has_patches:
            # for good: switching it on and off would not be safe between threads
            self.model.visual.output_tokens = True

    def embed_images(self, images: Image) -> ImageEmbeds:
        return self._see(images)[0].float()

    def embed_patches(self, images: Image) -> PatchEmbeds:
        return self.embed_both(images)[1]

    def embed_both(self, images: Image) -> tuple[ImageEmbeds, PatchEmbeds]:
        pooled, tokens = self._see(images)
        if tokens is None:
            raise ModelError(f"clip={self.name} has no patch tokens in its embedding space: choose a ViT, as ViT-L-14")
        visual: Any = self.model.visual
        # towers that norm after pooling have not normed their tokens
        normed = visual.ln_post(tokens) if visual.final_ln_after_pool else tokens
        return pooled.float(), (normed @ visual.proj).float()

    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        ids = self.tokenize(list(texts)).to(self.placement.device)
        return self.model.encode_text(ids).float()

    def _see(self, images: Image) -> tuple[Tensor, Tensor | None]:
        """The pooled, projected embedding and the patch tokens before projection."""
        pixels = self.preprocessing(images.to(self.placement.device)).to(self.placement.dtype)
        if self.has_patches:
            return self.model.visual(pixels)
        return self.model.encode_image(pixels), None


def _is_plain_vit(visual: Any) -> bool:
    """Whether its tokens project like its pooled embedding: no ResNet, no timm tower, no attention pooling."""
    return hasattr(visual, "output_tokens") and hasattr(visual, "ln_post") and visual.attn_pool is None


def load_open_clip(name: str, placement: Placement) -> OpenClipBackbone:
    """Loads ``ViT-L-14/openai``, ``ViT-L-14:/file.safetensors``, ``local-dir:/folder``; a bare name takes its best tag.

    Weights of a tag come from the hub's cache or the hub.

    Raises:
        ModelError: the name is unknown, or the weights are not there, not reachable or do not fit.
    """
    import open_clip

    architecture, weights = parse_open_clip_name(name)
    quick_gelu = bool(open_clip.pretrained.get_pretrained_cfg(architecture, weights or "").get("quick_gelu"))
    with _quiet(), _explained(name):
        model = open_clip.create_model(
            architecture,
            pretrained=weights,
            # OpenAI's weights want QuickGELU, which the architecture's plain name leaves out
            force_quick_gelu=quick_gelu,
            require_pretrained=True,
        )
        tokenize = open_clip.get_tokenizer(architecture)
    return OpenClipBackbone(name, model, tokenize, placement)  # pyright: ignore[reportArgumentType]


def parse_open_clip_name(name: str) -> tuple[str, str | None]:
    """The architecture, and the tag or file with its weights; a ``local-dir:`` has its weights in itself.

    Raises:
        ModelError: open_clip has no such architecture or tag, or the path does not exist.
    """
    import open_clip

    if name.startswith(LOCAL):
        if not (Path(name.removeprefix(LOCAL)) / "open_clip_config.json").is_file():
            raise ModelError(f"clip={name}: that folder holds no open_clip_config.json")
        return name, None
    architecture, _, weights = name.replace(":", "/", 1).partition("/")
    if architecture not in open_clip.list_models():
        raise ModelError(f"clip={name}: open_clip has no {architecture}; for example ViT-L-14/openai, {LOCAL}FOLDER")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if ":" in name:
        if not Path(weights).is_file():
            raise ModelError(f"clip={name}: the file {weights} does not exist")
        return architecture, weights
    if not weights and not tags:
        raise ModelError(f"clip={name} has no published weights: give a file as {architecture}:FILE")
    weights = weights or ("openai" if "openai" in tags else tags[0])
    if weights not in tags:
        raise ModelError(f"clip={name}: known weights are {', '.join(tags)}, or a file as {architecture}:FILE")
    return architecture, weights


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # open_clip raises whatever its parts raise
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"clip={name} cannot be loaded: {first_line}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs its own errors and warns about matters that are decided here."""
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
        raise ModelError(f"clip={name} wants pictures of {height}×{width}, {config['resize_mode']}: not supported")
    return Preprocessing(
        size=height,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        resize_mode=config["resize_mode"],
    )
