"""CLIP models: one way to load them, one view of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inst.clip.backbone import ClipBackbone
    from inst.placement import Placement

TRANSFORMERS = "hf:"


def load_clip(name: str, placement: Placement) -> ClipBackbone:
    """A frozen CLIP model.

    Args:
        name: ``ViT-L-14/openai`` (open_clip's name and tag, weights from the hub's cache or the hub; a bare name takes
            OpenAI's weights or the first tag), ``ViT-L-14:/path.safetensors`` (weights from a file),
            ``local-dir:/folder`` (open_clip's own folder), ``hf:/folder`` or ``hf:owner/name`` (transformers).

    Raises:
        ModelError: unknown, not there, or not reachable.
    """
    if name.startswith(TRANSFORMERS):
        from inst.clip.transformers import load_transformers_clip

        return load_transformers_clip(name.removeprefix(TRANSFORMERS), placement)
    from inst.clip.open_clip import load_open_clip

    return load_open_clip(name, placement)
