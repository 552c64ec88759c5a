"""Training a mapper for one text (Patashnik et al. 2021, section 5): the public functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from inst.gan.editor import check_read_whole, checked_text, synthesis_fn
from inst.gan.styleclip.mapper import LEVELS, LevelsMapper
from inst.gan.styleclip.ranger import Ranger
from inst.gan.styleclip.train_mapper import MapperLoss, MapperSettings, shuffled_batches, validate_mapper
from inst.gan.styleclip.train_mapper import train_mapper as mapper_updates
from inst.gan.trained import TrainedEditor
from inst.options import settings_of
from inst.pipelines.faces.embedded import warn_of_unknown_words
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
from inst.pipelines.faces.training_settings import MapperTrainingSettings
from inst.seeds import generator as rng_of
from inst.training.loop import TrainingTask
from inst.training.random_state import RandomStream
from inst.training.workers import ONE_PROCESS, Workers


def train_mapper(
    session: FaceSession,
    text: str,
    *,
    latents: LatentCodes | None = None,
    validation_latents: LatentCodes | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    **settings: Any,
) -> TrainedEditor:
    """Train a mapper for one text (StyleCLIP, Patashnik et al. 2021, section 5): ``w + 0.1 · M(w)``.

    Args:
        session: the generator, and the CLIP that judges the pictures.
        text: what the edited faces should show.
        latents: W+ codes (b, k, d) to learn from, or a file; random ones unless given.
        validation_latents: other W+ codes to validate with, or a file; random ones unless given.
        progress: show a progress bar.
        checkpoint: a file for the state of the unfinished training. It is removed when the training is complete.
        resume: continue from the checkpoint, where there is one.
        settings: fields of :class:`MapperTrainingSettings`, such as ``max_train_steps`` or ``seed``.

    Returns:
        The mapper with the lowest validation loss.

    Raises:
        ConfigError: an unknown setting, a value out of its range, a text that CLIP does not read whole, or a loss that
            became NaN.
        InputError: a file that cannot be read, or a checkpoint that belongs to other settings.

    >>> import inst
    >>> faces = inst.load_generator("avatars")
    >>> mapper = faces.train_mapper("a hat", max_train_steps=2, samples=4, validation_samples=2)
    >>> mapper.trained.metadata["steps"]
    2
    """
    steps = train_mapper_steps(
        session,
        text,
        latents=latents,
        validation_latents=validation_latents,
        checkpoint=checkpoint,
        resume=resume,
        **settings,
    )
    return last_editor(steps, progress, checkpoint)


def train_mapper_steps(
    session: FaceSession,
    text: str,
    *,
    latents: LatentCodes | None = None,
    validation_latents: LatentCodes | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    workers: Workers = ONE_PROCESS,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[EditorTrainingStep]:
    """Train a mapper, one step at a time; see :func:`train_mapper`.

    The first item comes before any step: the untrained mapper, or the state that a resumed training continues from.

    Args:
        checkpoint: as for :func:`train_mapper`, but it stays when the training is complete.
        workers: the processes that share every batch.
        should_stop: called after every step; a true answer saves the checkpoint and makes that step the last one, with
            ``stopped`` set. It must be the same in all processes.
    """
    given = settings_of(MapperTrainingSettings, settings)
    text = checked_text(text)
    check_batch(given, workers)
    weight = identity_weight(session, given.identity_weight, 0.1)

    def make() -> EditorTask:
        check_read_whole(session.clip, text)
        warn_of_unknown_words(session.files.clip, text)
        codes = codes_to_learn(session, given, latents)
        random = RandomStream(given.seed, session.placement.device)
        levels = [level for level in LEVELS if given.fine or level != "fine_mapping"]
        with random:
            mapper = LevelsMapper(session.generator.config.w_width, levels).to(session.placement.device)
        loss_settings = MapperSettings(clip_weight=given.clip_weight, l2_weight=given.l2_weight, identity_weight=weight)
        arcface = session.identity if weight else None
        texts = session.view.embed_text([text])
        loss = MapperLoss(texts, synthesis_fn(session.generator), session.view, loss_settings, arcface)
        optimizer = Ranger(mapper.parameters(), lr=given.learning_rate)
        unseen = codes_to_validate(session, given, validation_latents)

        def updates(step: int) -> Iterator[Tensor]:
            batches = shuffled_batches([codes], given.batch_size, rng_of(given.seed))
            shared = shares(batches, step, workers)
            return (losses.total for losses in mapper_updates(mapper, loss, shared, optimizer))

        task = TrainingTask(
            network=mapper,
            optimizer=optimizer,
            updates=updates,
            validate=lambda: validate_mapper(mapper, loss, ([part] for part in unseen.split(given.batch_size))),
            validation_steps=given.validation_steps,
            random=random,
        )
        metadata = {"kind": "mapper", "text": text, "strength": loss_settings.strength}
        return EditorTask(task, metadata, [text, codes, unseen, *weights_of_identity(arcface)], "mapper.")

    return train_editor(session, make, given, given.max_train_steps, checkpoint, resume, workers, should_stop)
