"""``inst mapper train`` and ``inst ffclip train``: what each teaches; the loop is `inst.training.loop`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inst.commands.common.unfinished import Unfinished, claim_output
from inst.commands.faces.options import FfclipRun, MapperRun, TrainingOptions
from inst.errors import ConfigError, InputError, ModelError
from inst.gan.editor import check_read_whole, checked_text, synthesis_fn
from inst.gan.ffclip import SemanticModulation
from inst.gan.ffclip_loss import FfclipLoss, FfclipSettings, train_ffclip, validate_ffclip
from inst.gan.styleclip.mapper import LEVELS, LevelsMapper
from inst.gan.styleclip.ranger import Ranger
from inst.gan.styleclip.train_mapper import (
    MapperLoss,
    MapperSettings,
    shuffled_batches,
    train_mapper,
    validate_mapper,
)
from inst.pipelines.faces.embedded import find_file, warn_of_unknown_words
from inst.pipelines.faces.session import FaceSession
from inst.seeds import generator as rng_of
from inst.shapes import ImageEmbeds, WPlus
from inst.training.loop import TrainingTask, run_training

_MAX_PROMPTS = 100_000


def train_a_mapper(run: MapperRun) -> int:
    """The exit code: that of the signal where one stopped it."""
    if run.text is None:
        raise ConfigError('no text was given: inst mapper train --text "a mohawk hairstyle"')
    text = checked_text(run.text)
    place, session = _begin(run, "mapper train")
    weight = _identity_weight(session, run.identity_weight, 0.1)

    def task() -> TrainingTask:
        check_read_whole(session.clip, text)
        warn_of_unknown_words(session.files.clip, text)
        codes, generator = _learned_from(session, run), session.generator
        torch.manual_seed(run.seed)
        levels = [level for level in LEVELS if run.fine or level != "fine_mapping"]
        mapper = LevelsMapper(generator.config.w_width, levels).to(session.placement.device)
        settings = MapperSettings(clip_weight=run.clip_weight, l2_weight=run.l2_weight, identity_weight=weight)
        loss = MapperLoss(
            session.view.embed_text([text]), synthesis_fn(generator), session.view, settings, _arcface(session, weight)
        )
        optimizer = Ranger(mapper.parameters(), lr=run.learning_rate)
        batches = shuffled_batches([codes], run.batch_size, rng_of(run.seed))
        unseen = _unseen(session, run)
        return TrainingTask(
            mapper,
            optimizer,
            batches,
            lambda shares: train_mapper(mapper, loss, shares, optimizer),
            lambda: validate_mapper(mapper, loss, ([part] for part in unseen.split(run.batch_size))),
            known=[codes, unseen],
            metadata={"kind": "mapper", "text": text, "strength": settings.strength},
            prefix="mapper.",
        )

    return run_training(run, session, place, task, run.max_train_steps)


def train_an_ffclip(run: FfclipRun) -> int:
    """The exit code: that of the signal where one stopped it."""
    if run.prompts is None:
        raise ConfigError("no prompts were given: inst ffclip train --prompts prompts.txt, a prompt a line")
    prompts = read_prompts(Path(run.prompts))
    place, session = _begin(run, "ffclip train")
    weight = _identity_weight(session, run.identity_weight, 0.9)

    def task() -> TrainingTask:
        config = session.generator.config
        if session.clip.embed_dim != config.w_width:
            raise ModelError(
                f"FFCLIP wants codes as wide as the text: this generator's are {config.w_width} wide, and "
                f"{session.clip.name} has {session.clip.embed_dim}: give another CLIP (--clip)"
            )
        codes = _learned_from(session, run)
        texts = session.view.embed_text(prompts)
        torch.manual_seed(run.seed)
        network = SemanticModulation(config.num_layers, config.w_width).to(session.placement.device)
        settings = FfclipSettings(text_weight=run.text_weight, identity_weight=weight)
        loss = FfclipLoss(synthesis_fn(session.generator), session.view, settings, _arcface(session, weight))
        optimizer = torch.optim.Adam(network.parameters(), lr=run.learning_rate)
        batches = _with_texts(codes, texts, run)
        unseen = _unseen(session, run)
        # the same text every time, and as many different ones as there are codes
        asked = texts[torch.arange(len(unseen), device=texts.device) % len(texts)]
        return TrainingTask(
            network,
            optimizer,
            batches,
            lambda shares: train_ffclip(network, loss, shares, optimizer),
            lambda: validate_ffclip(
                network, loss, zip(*(t.split(run.batch_size) for t in (unseen, asked)), strict=True)
            ),
            known=[codes, unseen, *prompts],
            metadata={"kind": "ffclip", "prompts": len(prompts)},
            rate=_halved,
        )

    return run_training(run, session, place, task, run.max_train_steps)


def read_prompts(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        InputError: missing, no text, or none in it.
        ConfigError: a line that is too long.
    """
    find_file(str(path), "prompts")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--prompts {path} is not a text file: give a prompt a line") from error
    prompts = [checked_text(line, "prompts") for line in lines if line.strip()]
    if not 1 <= len(prompts) <= _MAX_PROMPTS:
        raise InputError(f"--prompts {path} holds {len(prompts)} prompts: give 1 to {_MAX_PROMPTS}, one a line")
    return prompts


def _begin(run: TrainingOptions, command: str) -> tuple[Unfinished, FaceSession]:
    """What can be wrong with the words of the command, before a network is loaded."""
    find_file(run.latents, "latents")
    find_file(run.validation_latents, "validation-latents")
    place = claim_output(run.output, command, resume=run.resume, overwrite=run.overwrite)
    session = FaceSession(run.generator, clip=run.clip, identity=run.identity, device=run.device, dtype=run.dtype)
    return place, session


def _identity_weight(session: FaceSession, given: float | None, usual: float) -> float:
    if given and session.files.identity is None:
        raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
    return (usual if session.files.identity else 0.0) if given is None else given


def _arcface(session: FaceSession, weight: float) -> Any:
    return session.identity if weight else None


def _learned_from(session: FaceSession, run: TrainingOptions) -> WPlus:
    """The codes: those of a file, or made-up ones."""
    with torch.no_grad():
        if (path := find_file(run.latents, "latents")) is not None:
            codes = session.load_latents(path)
        else:
            codes = session.sample_w(run.samples, run.seed, run.truncation)
    if len(codes) < run.batch_size:
        raise ConfigError(f"batch-size={run.batch_size} is out of range: there are {len(codes)} codes")
    return codes


def _unseen(session: FaceSession, run: TrainingOptions) -> WPlus:
    """Codes to validate with: those of a file, or made-up ones of seeds after the learned ones."""
    with torch.no_grad():
        if run.validation_latents is not None:
            return session.load_latents(Path(run.validation_latents))
        return session.sample_w(run.validation_samples, run.seed + run.samples, run.truncation)


def _with_texts(codes: WPlus, texts: Float[Tensor, "p e"], run: FfclipRun) -> Iterator[tuple[WPlus, ImageEmbeds]]:
    """Batches of codes, each code with a text by chance."""
    rng = rng_of(run.seed, 1)
    for (batch,) in shuffled_batches([codes], run.batch_size, rng_of(run.seed)):
        yield batch, texts[torch.randint(len(texts), (len(batch),), generator=rng).to(texts.device)]


def _halved(done: float) -> float:
    """Published: halved after 10, 15 and 18 of 20 epochs."""
    return 0.5 ** sum(done >= share for share in (0.5, 0.75, 0.9))
