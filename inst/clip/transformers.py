"""CLIP models in transformers' layout, loaded from a folder or the hub."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from inst.clip.backbone import OPENAI_MEAN, OPENAI_STD, Preprocessing
from inst.errors import ModelError
from inst.finite import check_weights
from inst.hub import fetch, files_in
from inst.placement import Placement
from inst.shapes import Image, ImageEmbeds, PatchEmbeds

if TYPE_CHECKING:
    from transformers import CLIPModel, CLIPTokenizer

CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"
OPTIONAL = (
    PREPROCESSOR,
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
BILINEAR = 2
"""PIL's constant for bilinear resampling; bicubic is 3."""


class TransformersBackbone:
    """A frozen transformers ``CLIPModel`` that implements ``ClipBackbone``."""

    def __init__(
        self,
        name: str,
        model: CLIPModel,
        tokenizer: CLIPTokenizer,
        preprocessing: Preprocessing,
        placement: Placement,
    ) -> None:
        self.name = name
        self.model: Any = model.requires_grad_(False).eval()
        self.model.to(placement.device, placement.dtype)
        self.tokenizer = tokenizer
        self.placement = placement
        self.preprocessing = preprocessing
        self.image_size = preprocessing.size
        self.embed_dim: int = self.model.config.projection_dim

    def embed_images(self, images: Image) -> ImageEmbeds:
        return self.model.visual_projection(self._run_vision_tower(images).pooler_output).float()

    def embed_patches(self, images: Image) -> PatchEmbeds:
        return self._project_patches(self._run_vision_tower(images).last_hidden_state)

    def embed_both(self, images: Image) -> tuple[ImageEmbeds, PatchEmbeds]:
        output = self._run_vision_tower(images)
        pooled = self.model.visual_projection(output.pooler_output).float()
        return pooled, self._project_patches(output.last_hidden_state)

    def embed_text(self, texts: Sequence[str]) -> ImageEmbeds:
        length = self.model.config.text_config.max_position_embeddings
        ids = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        # No attention mask: CLIP was trained without one, and the causal mask already hides the padding.
        hidden = self.model.text_model(input_ids=ids.to(self.placement.device)).pooler_output
        return self.model.text_projection(hidden).float()

    def _run_vision_tower(self, images: Image) -> Any:
        pixels = self.preprocessing(images.to(self.placement.device)).to(self.placement.dtype)
        return self.model.vision_model(pixel_values=pixels)

    def _project_patches(self, hidden: Tensor) -> PatchEmbeds:
        # transformers applies the final norm to the class token only; last_hidden_state is the input of that norm.
        return self.model.visual_projection(self.model.vision_model.post_layernorm(hidden[:, 1:])).float()


def load_transformers_clip(place: str, placement: Placement) -> TransformersBackbone:
    """Load a CLIP model with safetensors weights in transformers' layout.

    Args:
        place: a folder, or a hub id ``owner/name``.
        placement: the device and the precision of the model.

    Raises:
        ModelError: the model cannot be found or downloaded, or is not a CLIP model.
    """
    name = f"hf:{place}"
    folder = Path(place).expanduser()
    if folder.is_dir():
        _choose(files_in(folder))
    else:
        folder = fetch(place, _choose, markers=[CONFIG], hint=f" (clip={name})")
    from transformers.models.clip.modeling_clip import CLIPModel
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    try:
        model: Any = CLIPModel.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
        tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # transformers raises exceptions of many types
        raise ModelError(f"clip={name} cannot be loaded: {str(error).splitlines()[0]}") from error
    check_weights(model, f"CLIP {name}")
    size = model.config.vision_config.image_size
    return TransformersBackbone(name, model, tokenizer, _preprocessing(folder / PREPROCESSOR, size), placement)


def _choose(names: Collection[str]) -> list[str]:
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in names]:
        raise ModelError(f"{missing[0]} is missing: a CLIP model in transformers' layout has {CONFIG} and {WEIGHTS}")
    return [CONFIG, WEIGHTS, *(name for name in OPTIONAL if name in names)]


def _preprocessing(path: Path, size: int) -> Preprocessing:
    """Mean, standard deviation and interpolation from the folder's configuration, and the vision tower's input size.

    The configuration's own size is ignored, because the vision tower accepts only the size it was built for.
    """
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return Preprocessing(
        size=size,
        mean=tuple(config.get("image_mean", OPENAI_MEAN)),
        std=tuple(config.get("image_std", OPENAI_STD)),
        interpolation="bilinear" if config.get("resample") == BILINEAR else "bicubic",
    )
