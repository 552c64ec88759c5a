"""What mapper and FFCLIP training share: the codes, the loop, the checkpoint, and the network that comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inst.errors import ConfigError
from inst.gan.editor import clip_probe
from inst.gan.latent_space import check_layers
from inst.gan.trained import Trained, TrainedEditor
from inst.perceptual.identity import FaceIdentity
from inst.pipelines.faces.session import FaceSession
from inst.pipelines.faces.training_settings import EditorTrainingSettings
from inst.shapes import WPlus
from inst.training.checkpoint import Checkpoint, identity_of
from inst.training.loop import TrainingProgress, TrainingTask, run_training
from inst.training.progress import with_bar
from inst.training.workers import Workers

LatentCodes = str | Path | Tensor
"""W+ codes (b, k, d) for the session's generator, or a file of them."""


@dataclass(frozen=True)
class EditorTask:
    """What is trained, and what its file records.

    Attributes:
        metadata: ``kind``, ``text`` and the like.
        depends_on: what decides the result beside the settings, the generator and the CLIP: codes, texts, networks.
        prefix: of the network's tensors in the file.
    """

    task: TrainingTask
    metadata: Mapping[str, Any]
    depends_on: Sequence[object]
    prefix: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class EditorTrainingStep(TrainingProgress):
    """One training step of a mapper or of FFCLIP; the first item comes before any step."""

    _session: FaceSession = field(repr=False)
    _editor: EditorTask = field(repr=False)

    def editor(self) -> TrainedEditor:
        """The network with the lowest validation loss so far; as it is now, where none was validated after a step."""
        session, editor = self._session, self._editor
        network = copy.deepcopy(editor.task.network)
        if self.best is not None:
            network.load_state_dict(self.best)
        network.zero_grad(set_to_none=True)
        metadata = {
            **editor.metadata,
            "generator": session.fingerprint,
            "clip": session.clip_name,
            "steps": self.step,
            "validation": self.history,
            "best_step": self.best_step,
        }
        trained = Trained(metadata, clip_probe(session.clip), session.fingerprint)
        return TrainedEditor(network.requires_grad_(False).eval(), trained, editor.prefix)


def train_editor(
    session: FaceSession,
    make: Callable[[], EditorTask],
    settings: EditorTrainingSettings,
    total: int,
    checkpoint: str | Path | None,
    resume: bool,
    workers: Workers,
    should_stop: Callable[[], bool],
) -> Iterator[EditorTrainingStep]:
    """The steps of a training; the networks are loaded when the first one is asked for."""
    editor = make()
    steps = run_training(
        editor.task,
        total=total,
        workers=workers,
        checkpoint=None if checkpoint is None else _checkpoint(Path(checkpoint), session, editor, settings),
        resume=resume,
        checkpointing_steps=settings.checkpointing_steps,
        should_stop=should_stop,
    )
    with closing(steps):
        for step in steps:
            yield EditorTrainingStep(**vars(step), _session=session, _editor=editor)


def _checkpoint(path: Path, session: FaceSession, editor: EditorTask, settings: EditorTrainingSettings) -> Checkpoint:
    """Resuming may change how long is trained and how often is saved, and nothing else."""
    decisive = {k: v for k, v in asdict(settings).items() if k not in {"max_train_steps", "checkpointing_steps"}}
    decisive |= {"kind": editor.metadata["kind"], "dtype": str(session.placement.dtype)}
    identity = identity_of(decisive, session.fingerprint, clip_probe(session.clip), *editor.depends_on)
    return Checkpoint(path, identity, "generator, CLIP or settings")


def last_editor(steps: Iterable[EditorTrainingStep], progress: bool, checkpoint: str | Path | None) -> TrainedEditor:
    """Take all steps; the checkpoint is removed at the end."""
    step = None
    for step in with_bar(steps, "training", show=progress):  # noqa: B007  (the last one is used)
        pass
    assert step is not None
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    return step.editor()


def check_batch(settings: EditorTrainingSettings, workers: Workers) -> None:
    """Refuse a batch that the processes cannot share evenly.

    Raises:
        ConfigError: it cannot be.
    """
    if settings.batch_size % workers.count:
        raise ConfigError(
            f"batch-size={settings.batch_size} cannot be shared by {workers.count} processes: give a multiple of "
            f"{workers.count}"
        )


def identity_weight(session: FaceSession, given: float | None, usual: float) -> float:
    """The weight of the identity loss: the usual one where the session has an identity network, else 0.

    Raises:
        ConfigError: a weight was given, and there is no identity network.
    """
    if given == 0:
        return 0.0
    if session.identity is None:
        if given is not None:
            raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
        return 0.0
    return usual if given is None else given


def weights_of_identity(arcface: FaceIdentity | None) -> list[Tensor]:
    """What tells one identity network from another."""
    return list(arcface.state_dict().values()) if isinstance(arcface, nn.Module) else []


@torch.no_grad()
def codes_to_learn(session: FaceSession, settings: EditorTrainingSettings, latents: LatentCodes | None) -> WPlus:
    """The given codes, or random ones.

    Raises:
        ConfigError: fewer than a batch has.
    """
    if latents is None:
        codes = session.sample_w(settings.samples, settings.seed, settings.truncation)
    else:
        codes = _given_codes(session, latents)
    if len(codes) < settings.batch_size:
        raise ConfigError(f"batch-size={settings.batch_size} is out of range: there are {len(codes)} codes")
    return codes


@torch.no_grad()
def codes_to_validate(session: FaceSession, settings: EditorTrainingSettings, latents: LatentCodes | None) -> WPlus:
    """The given codes, or random ones whose seeds follow those of `codes_to_learn`."""
    if latents is not None:
        return _given_codes(session, latents)
    return session.sample_w(settings.validation_samples, settings.seed + settings.samples, settings.truncation)


def _given_codes(session: FaceSession, latents: LatentCodes) -> WPlus:
    if not isinstance(latents, Tensor):
        return session.load_latents(latents)
    remedy = "give the generator they were made with"
    check_layers(latents.shape[1:], session.generator.config, "the latents hold codes of", remedy)
    return latents.to(session.placement.device)


def shares(batches: Iterable[Sequence[Tensor]], step: int, workers: Workers) -> Iterator[Any]:
    """This process's rows of every batch, from a step on; skipping the batches before draws the same random numbers."""
    return ([part[workers.index :: workers.count] for part in batch] for batch in islice(batches, step, None))
