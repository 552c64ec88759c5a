"""From a painting to the training that learns it, and from what was learned to a style token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.clip.backbone import ClipBackbone
from inst.errors import ModelError
from inst.files import read_json, read_safetensors, sha256_bytes
from inst.image import Picture, resize
from inst.inversion.attention import AttentionInversion
from inst.inversion.learner import AttentionLearner, DirectLearner, load_module, vectors_of, zero_last_layer
from inst.inversion.settings import InversionSettings
from inst.inversion.token import StyleToken, make_thumbnail, today
from inst.inversion.train import InversionTraining
from inst.inversion.views import embed_painting
from inst.inversion.words import start_vectors
from inst.models.latent_diffusion import LatentDiffusion
from inst.seeds import generator
from inst.shapes import Image
from inst.training.loop import TrainingProgress
from inst.training.random_state import RandomStream
from inst.training.tensors import without_prefix

FLAT = 2e-3
"""Variance of a painting (in [-1, 1]) below which it has no texture to learn."""


@dataclass(frozen=True)
class PretrainedModule:
    """An inversion module that comes with a model, trained together with the model's U-Net.

    Attributes:
        metadata: its constructor arguments.
        state: its parameters.
    """

    metadata: Mapping[str, Any]
    state: Mapping[str, Tensor]


def load_pretrained(model: LatentDiffusion) -> PretrainedModule | None:
    """The module in the folder ``inversion`` beside a model's weights, or ``None``.

    Raises:
        ModelError: it makes vectors of another width than the model's token embedding.
    """
    folder = None if model.folder is None else Path(model.folder) / "inversion"
    if folder is None or not folder.is_dir():
        return None
    metadata = read_json(folder / "config.json")
    if metadata.get("token_dim") != model.text.token_dim:
        raise ModelError(
            f"{folder} makes vectors {metadata.get('token_dim')} wide; the model takes {model.text.token_dim}"
        )
    state, _ = read_safetensors(folder / "attention.safetensors")
    return PretrainedModule(metadata, state)


def model_defaults(model: LatentDiffusion) -> dict[str, Any]:
    """A model's own settings for learning, under the names of :class:`InversionSettings`."""
    defaults = asdict(model.defaults)
    return defaults | {"max_train_steps": defaults["train_steps"], "crop": defaults["crop"] or defaults["resolution"]}


def prepare(
    model: LatentDiffusion,
    clip: ClipBackbone,
    picture: Picture,
    settings: InversionSettings,
    pretrained: PretrainedModule | None,
) -> InversionTraining:
    """Encode a painting, compute the starting vectors, and set up their training.

    Args:
        settings: resolved; see :func:`inst.inversion.settings.resolve`.
        pretrained: the module that the model brings along, where it brings one.
    """
    device = model.placement.device
    random = RandomStream(settings.seed, device)
    with random:
        learner = _learner(model, clip, picture.image, settings, pretrained).to(device)
        latents = encode_painting(model, picture.image, settings)
    return InversionTraining(model, learner, latents, settings, model.defaults.prompt, random)


@torch.no_grad()
def encode_painting(
    model: LatentDiffusion, image: Image, settings: InversionSettings
) -> Float[Tensor, "flips c lh lw"]:
    """The painting's latents, followed by its mirror image's where ``settings.flip`` is set."""
    assert settings.resolution is not None
    side, multiple = settings.resolution, model.size_multiple
    if settings.preset == "paper":  # as published: squares, by plain resizing
        height = width = side
    else:
        scale = side / min(image.shape[2:])
        height, width = (round(length * scale) for length in image.shape[2:])
    fitted = resize(image, *(max(multiple, round(length / multiple) * multiple) for length in (height, width)))
    flips = [fitted, fitted.flip(3)] if settings.flip else [fitted]
    return torch.cat([model.encode(flip) for flip in flips])


def _learner(
    model: LatentDiffusion,
    clip: ClipBackbone,
    image: Image,
    s: InversionSettings,
    pretrained: PretrainedModule | None,
) -> nn.Module:
    assert s.num_vectors is not None and s.init is not None
    fits = pretrained is not None and _fits(pretrained, s)
    embeds, context = embed_painting(clip, image, patches=fits or s.context == "patches")
    if pretrained is not None and fits:
        module = load_module(dict(pretrained.metadata) | {"dropout": s.dropout}, pretrained.state)
        start = torch.zeros(s.num_vectors, model.text.token_dim)
    else:
        module = _fresh_module(model, clip, s)
        word_vectors = model.text.word_vectors
        start = start_vectors(
            word_vectors, init=s.init, num_vectors=s.num_vectors, clip=clip, image=image, generator=generator(s.seed)
        ).cpu()
        if s.preset != "paper":
            zero_last_layer(module)
        else:
            start = torch.zeros_like(start)
    learner = AttentionLearner(module, start, embeds.cpu(), None if context is None else context.cpu())
    # The baseline starts from the same vectors that the module would start from.
    return learner if s.method == "attention" else DirectLearner(vectors_of(learner))


def _fits(pretrained: PretrainedModule, s: InversionSettings) -> bool:
    """Whether a model's own module can be used: the settings ask for no other form of it."""
    same_form = s.num_vectors == pretrained.metadata.get("num_vectors") and s.attention and s.context == "patches"
    return same_form and s.preset == "fast" and s.init == "painting"


def _fresh_module(model: LatentDiffusion, clip: ClipBackbone, s: InversionSettings) -> AttentionInversion:
    assert s.num_vectors is not None
    return AttentionInversion(
        clip.embed_dim,
        model.text.token_dim,
        num_vectors=s.num_vectors,
        dropout=s.dropout,
        use_attention=s.attention,
    )


def style_token(
    training: InversionTraining, progress: TrainingProgress, picture: Picture, name: str, clip_name: str
) -> StyleToken:
    """The best vectors that training has found so far, as a style token.

    Args:
        progress: where training is.
        clip_name: the CLIP that saw the painting, as a user would name it; never a local path.
    """
    model, s = training.model, training.settings
    assert progress.best is not None  # the starting vectors count, so there is a best from the first item on
    module: dict[str, Tensor] = {}
    module_metadata = None
    if isinstance(training.learner, AttentionLearner):
        module = {key: value.half() for key, value in without_prefix("module", progress.best).items()}
        module_metadata = training.learner.module.metadata
    metadata = {
        "model": model.name,
        "model_hash": model.revision_hash,
        "text_encoder": model.text.text_encoder_hash,
        "clip": clip_name,
        "style_sha256": picture.sha256,
        "settings": _plain(asdict(s)),
        "module": module_metadata,
        "prompt": training.prompt,
        "tone": {key: part.flatten().tolist() for key, part in training.tone._asdict().items()},
        "step": progress.step,
        "seed": s.seed,
        "validation_before": progress.history[0][1],
        "validation_after": progress.best_loss,
        "date": today(),
    }
    return StyleToken(
        name=name,
        vectors=training.vectors(progress.best),
        module=module,
        patches=training.patches.cpu(),
        metadata=metadata,
        thumbnail=make_thumbnail(picture.image),
    )


def is_flat(image: Image) -> bool:
    """Whether a painting is almost of one colour, so that there is little to learn from it."""
    return image.var().item() < FLAT


def learning_identity(settings: InversionSettings, model: LatentDiffusion, picture: Picture) -> str:
    """A hash of everything that a learned style depends on: resolved settings, model and painting."""
    values = [_plain(asdict(settings)), model.revision_hash, picture.sha256]
    if settings.context == "pooled":
        values.append("unit-length embedding")  # earlier versions trained on an embedding that was not normalised
    return sha256_bytes(json.dumps(values, sort_keys=True).encode())


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, tuple)}
