"""CLIP models: one function loads them all, behind one interface (:class:`~inst.clip.backbone.ClipBackbone`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inst.clip.backbone import ClipBackbone
    from inst.placement import Placement

TRANSFORMERS = "hf:"


def load_clip(name: str, placement: Placement) -> ClipBackbone:
    """Load a CLIP model, frozen and in evaluation mode.

    Args:
        name: one of

            - ``ViT-L-14/openai``: an open_clip architecture and the tag of its weights, which come from the hub's cache
              or the hub. Without a tag, OpenAI's weights or else the first tag are used.
            - ``ViT-L-14:/path.safetensors``: an open_clip architecture with weights from a file.
            - ``local-dir:/folder``: a folder in open_clip's layout.
            - ``hf:/folder`` or ``hf:owner/name``: a folder or hub repository in transformers' layout.
        placement: the device and the precision of the model.

    Raises:
        ModelError: the name is unknown, or the weights cannot be found, downloaded or loaded.

    >>> import torch
    >>> from inst.assets import avatars_folder
    >>> from inst.placement import choose_placement
    >>> clip = load_clip(f"local-dir:{avatars_folder() / 'clip'}", choose_placement("cpu"))
    >>> images = torch.zeros(2, 3, 96, 96)
    >>> clip.embed_images(images).shape == clip.embed_text(["a face", "a house"]).shape == (2, clip.embed_dim)
    True
    """
    if name.startswith(TRANSFORMERS):
        from inst.clip.transformers import load_transformers_clip

        return load_transformers_clip(name.removeprefix(TRANSFORMERS), placement)
    from inst.clip.open_clip import load_open_clip

    return load_open_clip(name, placement)
