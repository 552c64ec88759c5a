"""``inst mapper train`` and ``inst ffclip train``: one loop for both, a bar, saved states, and a file at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.errors import ConfigError, InputError, ModelError
from inst.files import locked
from inst.gan.editor import check_read_whole, checked_text, clip_probe, drawing
from inst.gan.ffclip import SemanticModulation
from inst.gan.ffclip_loss import FfclipLoss, FfclipSettings, train_ffclip
from inst.gan.styleclip.mapper import LEVELS, LevelsMapper
from inst.gan.styleclip.ranger import Ranger
from inst.gan.styleclip.train_mapper import MapperLoss, MapperSettings, shuffled_batches, train_mapper
from inst.gan.trained import save_trained
from inst.runs.bars import bar, say
from inst.runs.embedded import find_file, with_defaults
from inst.runs.gan_settings import FfclipRun, MapperRun, TrainingOptions
from inst.runs.gan_studio import GanStudio
from inst.runs.unfinished import Unfinished, claim_output, identity_of
from inst.seeds import generator as rng_of
from inst.shapes import ImageEmbeds, WPlus
from inst.training import (
    Stop,
    optimizer_tensors,
    restore_optimizer,
    stopping,
    with_prefix,
    without_prefix,
)

_MAX_PROMPTS = 100_000


class Losses(Protocol):
    """What a step reports."""

    @property
    def total(self) -> Tensor: ...


@dataclass
class Lesson:
    """What is trained and how.

    Attributes:
        batches: without end, the same every time.
        steps: takes batches, reports after each update.
        rate: share of the learning rate at a share of all steps.
        facts, prefix: of the file that is written.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    batches: Iterable[Any]
    steps: Callable[[Iterable[Any]], Iterator[Losses]]
    facts: dict[str, Any]
    prefix: str = ""
    rate: Callable[[float], float] = lambda done: 1.0


def train_a_mapper(run: MapperRun) -> int:
    """The exit code: that of the signal where one stopped it."""
    run = with_defaults(run)
    if run.text is None:
        raise ConfigError('no text was given: inst mapper train --text "a mohawk hairstyle"')
    text = checked_text(run.text)
    place, studio = _begin(run, "mapper train")
    weight = _identity_weight(run, run.identity_weight, 0.1)

    def lesson() -> Lesson:
        check_read_whole(studio.clip, text)
        codes, generator = _learned_from(studio, run), studio.generator
        torch.manual_seed(run.seed)
        levels = [level for level in LEVELS if run.fine or level != "fine_mapping"]
        mapper = LevelsMapper(generator.config.w_width, levels).to(studio.placement.device)
        settings = MapperSettings(clip_weight=run.clip_weight, l2_weight=run.l2_weight, identity_weight=weight)
        loss = MapperLoss(
            studio.view.embed_text([text]), drawing(generator), studio.view, settings, _arcface(studio, weight)
        )
        optimizer = Ranger(mapper.parameters(), lr=run.learning_rate)
        batches = shuffled_batches([codes], run.batch_size, rng_of(run.seed))
        facts = {"kind": "mapper", "text": text, "strength": settings.strength}
        return Lesson(mapper, optimizer, batches, lambda b: train_mapper(mapper, loss, b, optimizer), facts, "mapper.")

    return _train(run, studio, place, lesson, run.max_train_steps)


def train_an_ffclip(run: FfclipRun) -> int:
    """The exit code: that of the signal where one stopped it."""
    run = with_defaults(run)
    if run.prompts is None:
        raise ConfigError("no prompts were given: inst ffclip train --prompts prompts.txt, a prompt a line")
    prompts = read_prompts(Path(run.prompts))
    place, studio = _begin(run, "ffclip train")
    weight = _identity_weight(run, run.identity_weight, 0.9)

    def lesson() -> Lesson:
        config = studio.generator.config
        if studio.clip.embed_dim != config.w_width:
            raise ModelError(
                f"FFCLIP wants codes as wide as the text: this generator's are {config.w_width} wide, and "
                f"{studio.clip.name} has {studio.clip.embed_dim}: give another CLIP (--clip)"
            )
        codes = _learned_from(studio, run)
        texts = studio.view.embed_text(prompts)
        torch.manual_seed(run.seed)
        network = SemanticModulation(config.num_layers, config.w_width).to(studio.placement.device)
        settings = FfclipSettings(identity_weight=weight)
        loss = FfclipLoss(drawing(studio.generator), studio.view, settings, _arcface(studio, weight))
        optimizer = torch.optim.Adam(network.parameters(), lr=run.learning_rate)
        batches = _with_texts(codes, texts, run)
        facts = {"kind": "ffclip", "prompts": len(prompts)}
        return Lesson(
            network, optimizer, batches, lambda b: train_ffclip(network, loss, b, optimizer), facts, rate=_halved
        )

    return _train(run, studio, place, lesson, run.max_train_steps, *prompts)


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


def _begin(run: TrainingOptions, command: str) -> tuple[Unfinished, GanStudio]:
    """What can be wrong with the words of the command, before a network is loaded."""
    find_file(run.latents, "latents")
    place = claim_output(run.output, command, resume=run.resume, overwrite=run.overwrite)
    return place, GanStudio(run)


def _identity_weight(run: TrainingOptions, given: float | None, usual: float) -> float:
    if given and run.identity is None:
        raise ConfigError("--identity-weight needs --identity model_ir_se50.pth")
    return (usual if run.identity else 0.0) if given is None else given


def _arcface(studio: GanStudio, weight: float) -> Any:
    return studio.identity if weight else None


def _learned_from(studio: GanStudio, run: TrainingOptions) -> WPlus:
    """The codes: those of a file, or made-up ones."""
    with torch.no_grad():
        if (path := find_file(run.latents, "latents")) is not None:
            codes = studio.stored(path)
        else:
            codes = studio.made_up(run.samples, run.seed, run.truncation)
    if len(codes) < run.batch_size:
        raise ConfigError(f"batch-size={run.batch_size} is out of range: there are {len(codes)} codes")
    return codes


def _with_texts(codes: WPlus, texts: Float[Tensor, "p e"], run: FfclipRun) -> Iterator[tuple[WPlus, ImageEmbeds]]:
    """Batches of codes, each code with a text by chance."""
    rng = rng_of(run.seed, 1)
    for (batch,) in shuffled_batches([codes], run.batch_size, rng_of(run.seed)):
        yield batch, texts[torch.randint(len(texts), (len(batch),), generator=rng).to(texts.device)]


def _halved(done: float) -> float:
    """Published: halved after 10, 15 and 18 of 20 epochs."""
    return 0.5 ** sum(done >= share for share in (0.5, 0.75, 0.9))


def _train(
    run: TrainingOptions, studio: GanStudio, place: Unfinished, make: Callable[[], Lesson], total: int, *more: str
) -> int:
    with locked(place.lock), stopping() as stop:
        probe = clip_probe(studio.clip)
        lesson = make()
        parts = [studio.fingerprint, probe, _learned_from(studio, run), *more]
        place = replace(place, identity=identity_of(run, *parts))
        done, before, after = _take_steps(run, lesson, place, stop, total)
        if stop.asked and done < total:
            say(f"stopped after {done} steps; --resume continues")
            return stop.exit_code
        facts = lesson.facts | {"generator": studio.fingerprint, "clip": studio.clip_name, "steps": done}
        save_trained(place.output, lesson.network, facts, probe, prefix=lesson.prefix)
        place.finished()
    say(f"{place.output}: {done} steps, loss {before:.4f} -> {after:.4f}")
    return 0


def _take_steps(
    run: TrainingOptions, lesson: Lesson, place: Unfinished, stop: Stop, total: int
) -> tuple[int, float, float]:
    """All steps from where a state left off; how many there are now, and the first and the last loss."""
    done, losses = 0, [float("nan")]
    if run.resume and (restored := place.restore()) is not None:
        tensors, facts = restored
        lesson.network.load_state_dict(without_prefix("network", tensors))
        restore_optimizer(lesson.optimizer, without_prefix("optimizer", tensors))
        done = int(facts["step"])
    base = [group["lr"] for group in lesson.optimizer.param_groups]
    batches = _rated(itertools.islice(lesson.batches, done, total), lesson, base, done, total)
    with bar(total, "training") as progress:
        progress.update(done)
        for step in lesson.steps(batches):
            done += 1
            losses = [losses[0] if losses[0] == losses[0] else float(step.total), float(step.total)]
            progress.update()
            progress.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
            if done < total and (stop.asked or done % run.checkpointing_steps == 0):
                tensors = with_prefix("network", dict(lesson.network.state_dict()))
                place.save(tensors | with_prefix("optimizer", optimizer_tensors(lesson.optimizer)), {"step": done})
                if stop.asked:
                    break
    return done, losses[0], losses[-1]


def _rated(batches: Iterable[Any], lesson: Lesson, base: list[float], first: int, total: int) -> Iterator[Any]:
    """The batches, the learning rate set before each."""
    for step, batch in enumerate(batches, start=first):
        for group, rate in zip(lesson.optimizer.param_groups, base, strict=True):
            group["lr"] = rate * lesson.rate(step / total)
        yield batch
