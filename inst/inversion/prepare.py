"""A painting made ready to be learned: everything frozen is computed once and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from inst.clip.backbone import ClipBackbone
from inst.diffusion.tone import tone_of
from inst.diffusion.transport import patch_distribution
from inst.errors import ModelError
from inst.files import read_json, read_safetensors, sha256_bytes
from inst.image import Picture, resize
from inst.inversion.attention import AttentionInversion
from inst.inversion.learner import AttentionLearner, DirectLearner, load_module, silence, vectors_of
from inst.inversion.settings import InversionSettings
from inst.inversion.token import StyleToken, make_thumbnail, today
from inst.inversion.train import Training
from inst.inversion.views import embed_painting
from inst.inversion.words import start_vectors
from inst.models.latent_diffusion import LatentDiffusion
from inst.seeds import generator
from inst.shapes import Image
from inst.training.shared import without_prefix

FLAT = 2e-3
"""Variance of a painting (in [-1, 1]) below which it holds no texture to learn."""


@dataclass(frozen=True)
class PretrainedModule:
    """An inversion module that a model brings along: it was trained together with the model's U-Net.

    Attributes:
        metadata: its constructor arguments.
        state: its parameters.
    """

    metadata: Mapping[str, Any]
    state: Mapping[str, Tensor]


def load_pretrained(model: LatentDiffusion) -> PretrainedModule | None:
    """The module in ``inversion/`` beside a model's weights, or nothing."""
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
    """What a model says of learning, under the names of :class:`InversionSettings`."""
    defaults = asdict(model.defaults)
    return defaults | {"max_train_steps": defaults["train_steps"], "crop": defaults["crop"] or defaults["resolution"]}


def prepare(
    model: LatentDiffusion,
    clip: ClipBackbone,
    picture: Picture,
    settings: InversionSettings,
    accelerator: Accelerator,
    pretrained: PretrainedModule | None,
) -> Training:
    """Latents of both flips, CLIP embeddings and starting vectors of a painting, and the training they go into.

    Args:
        settings: resolved; see :func:`inst.inversion.settings.resolve`.
    """
    torch.manual_seed(settings.seed)
    learner = _learner(model, clip, picture.image, settings, pretrained).to(accelerator.device)
    latents = encode_painting(model, picture.image, settings)
    return Training(model, learner, latents, settings, accelerator, model.defaults.prompt)


@torch.no_grad()
def encode_painting(
    model: LatentDiffusion, image: Image, settings: InversionSettings
) -> Float[Tensor, "flips c lh lw"]:
    """The painting's latents, and its mirror image's where flips are learned from; encoded once."""
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
            silence(module)
        else:
            start = torch.zeros_like(start)
    learner = AttentionLearner(module, start, embeds.cpu(), None if context is None else context.cpu())
    # The baseline starts from the very vectors that the module would start from.
    return learner if s.method == "attention" else DirectLearner(vectors_of(learner))


def _fits(pretrained: PretrainedModule, s: InversionSettings) -> bool:
    """A model's own module serves unless the user asked for another form of it."""
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


def finished_token(training: Training, picture: Picture, name: str, clip_name: str) -> StyleToken:
    """The best that was learned, as a style token.

    Args:
        clip_name: the CLIP it was seen with, as a user would name it; never a local path.
    """
    model, s = training.model, training.settings
    module: dict[str, Tensor] = {}
    module_facts = None
    if isinstance(training.learner, AttentionLearner):
        best = without_prefix("module", training.best_parameters)
        module = {name: value.half() for name, value in best.items()}
        module_facts = training.learner.module.metadata
    metadata = {
        "model": model.name,
        "model_hash": model.revision_hash,
        "text_encoder": model.text.text_encoder_hash,
        "clip": clip_name,
        "style_sha256": picture.sha256,
        "settings": _plain(asdict(s)),
        "module": module_facts,
        "prompt": training.prompt,
        "tone": {name: part.flatten().tolist() for name, part in tone_of(training.latents[:1])._asdict().items()},
        "step": training.step,
        "seed": s.seed,
        "validation_before": training.first_validation,
        "validation_after": training.best.best,
        "date": today(),
    }
    return StyleToken(
        name=name,
        vectors=training.best_vectors,
        module=module,
        patches=patch_distribution(training.latents[:1]).cpu(),
        metadata=metadata,
        thumbnail=make_thumbnail(picture.image),
    )


def is_flat(image: Image) -> bool:
    """Whether a painting is of one colour: learned all the same, with a word about it."""
    return image.var().item() < FLAT


def settings_hash(settings: InversionSettings, model: LatentDiffusion, picture: Picture) -> str:
    """What must be the same for a stopped run to be continued."""
    metadata = [_plain(asdict(settings)), model.revision_hash, picture.sha256]
    return sha256_bytes(json.dumps(metadata, sort_keys=True).encode())


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, tuple)}
