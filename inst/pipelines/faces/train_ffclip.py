"""Training FFCLIP on a list of texts (Zhu et al. 2022): the public functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inst.errors import ConfigError, ModelError
from inst.gan.editor import checked_text, synthesis_fn
from inst.gan.ffclip import SemanticModulation
from inst.gan.ffclip_loss import FfclipLoss, FfclipSettings, validate_ffclip
from inst.gan.ffclip_loss import train_ffclip as ffclip_updates
from inst.gan.styleclip.train_mapper import shuffled_batches
from inst.gan.trained import TrainedEditor
from inst.options import settings_of
from inst.pipelines.faces.session import FaceSession
from inst.pipelines.faces.training import (
    EditorTask,
    EditorTrainingStep,
    LatentCodes,
    check_batch,
    codes_to_learn,
    codes_to_validate,
    identity_weight,
    last_editor,
    shares,
    train_editor,
    weights_of_identity,
)
from inst.pipelines.faces.training_settings import FfclipTrainingSettings
from inst.seeds import generator as rng_of
from inst.shapes import ImageEmbeds, WPlus
from inst.training.loop import TrainingTask
from inst.training.random_state import RandomStream
from inst.training.workers import ONE_PROCESS, Workers

MAX_PROMPTS = 100_000


def train_ffclip(
    session: FaceSession,
    prompts: Sequence[str],
    *,
    latents: LatentCodes | None = None,
    validation_latents: LatentCodes | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    **settings: Any,
) -> TrainedEditor:
    """Train FFCLIP on a list of texts (Zhu et al. 2022): one network that edits by any text, those or similar ones.

    Args:
        session: the generator, and the CLIP that judges the pictures; its embeddings must be as wide as W.
        prompts: 1 to 100,000 texts, from which each code of a batch gets a random one.
        latents, validation_latents, progress, checkpoint, resume: as for :func:`train_mapper`.
        settings: fields of :class:`FfclipTrainingSettings`, such as ``max_train_steps`` or ``seed``.

    Returns:
        The network with the lowest validation loss.

    Raises:
        ConfigError, InputError: as for :func:`train_mapper`.
        ModelError: the CLIP's embeddings are not as wide as W.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> prompts = ["a face with glasses", "an old man"]
    >>> ffclip = faces.train_ffclip(prompts, max_train_steps=2, samples=4, validation_samples=2)
    >>> ffclip.trained.metadata["prompts"]
    2
    """
    steps = train_ffclip_steps(
        session,
        prompts,
        latents=latents,
        validation_latents=validation_latents,
        checkpoint=checkpoint,
        resume=resume,
        **settings,
    )
    return last_editor(steps, progress, checkpoint)


def train_ffclip_steps(
    session: FaceSession,
    prompts: Sequence[str],
    *,
    latents: LatentCodes | None = None,
    validation_latents: LatentCodes | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    workers: Workers = ONE_PROCESS,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[EditorTrainingStep]:
    """Train FFCLIP, one step at a time; see :func:`train_ffclip` and :func:`train_mapper_steps`."""
    given = settings_of(FfclipTrainingSettings, settings)
    if isinstance(prompts, str) or not 1 <= len(prompts) <= MAX_PROMPTS:
        count = 1 if isinstance(prompts, str) else len(prompts)
        raise ConfigError(f"FFCLIP is trained on a list of 1 to {MAX_PROMPTS} prompts: {count} were given")
    prompts = [checked_text(prompt, "prompts") for prompt in prompts]
    check_batch(given, workers)
    weight = identity_weight(session, given.identity_weight, 0.9)

    def make() -> EditorTask:
        config = session.generator.config
        if session.clip.embed_dim != config.w_width:
            raise ModelError(
                f"FFCLIP needs codes as wide as the text: this generator's are {config.w_width} wide, and "
                f"{session.clip.name} has {session.clip.embed_dim}: give another CLIP (--clip)"
            )
        codes = codes_to_learn(session, given, latents)
        texts = session.view.embed_text(prompts)
        random = RandomStream(given.seed, session.placement.device)
        with random:
            network = SemanticModulation(config.num_layers, config.w_width).to(session.placement.device)
        loss_settings = FfclipSettings(text_weight=given.text_weight, identity_weight=weight)
        arcface = session.identity if weight else None
        loss = FfclipLoss(synthesis_fn(session.generator), session.view, loss_settings, arcface)
        optimizer = torch.optim.Adam(network.parameters(), lr=given.learning_rate)
        unseen = codes_to_validate(session, given, validation_latents)
        # each validation code has the same text every time, and neighbouring codes have different ones
        unseen_texts = texts[torch.arange(len(unseen), device=texts.device) % len(texts)]

        def updates(step: int) -> Iterator[Tensor]:
            shared = shares(_with_texts(codes, texts, given), step, workers)
            return (losses.total for losses in ffclip_updates(network, loss, shared, optimizer))

        def validate() -> float:
            batches = zip(*(part.split(given.batch_size) for part in (unseen, unseen_texts)), strict=True)
            return validate_ffclip(network, loss, batches)

        task = TrainingTask(
            network=network,
            optimizer=optimizer,
            updates=updates,
            validate=validate,
            validation_steps=given.validation_steps,
            random=random,
            schedule=_halved,
        )
        metadata = {"kind": "ffclip", "prompts": len(prompts)}
        return EditorTask(task, metadata, [*prompts, codes, unseen, *weights_of_identity(arcface)])

    return train_editor(session, make, given, given.max_train_steps, checkpoint, resume, workers, should_stop)


def _with_texts(
    codes: WPlus, texts: Float[Tensor, "p e"], settings: FfclipTrainingSettings
) -> Iterator[tuple[WPlus, ImageEmbeds]]:
    """Batches of codes, each code with a random text."""
    rng = rng_of(settings.seed, 1)
    for (batch,) in shuffled_batches([codes], settings.batch_size, rng_of(settings.seed)):
        yield batch, texts[torch.randint(len(texts), (len(batch),), generator=rng).to(texts.device)]


def _halved(done: float) -> float:
    """Published: the learning rate is halved after 10, 15 and 18 of 20 epochs."""
    return 0.5 ** sum(done >= share for share in (0.5, 0.75, 0.9))
