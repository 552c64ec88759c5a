"""One loop for all that the GAN side trains: validated, saved, stopped and continued, by one process or several."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inst.errors import ConfigError
from inst.gan.editor import clip_probe
from inst.gan.trained import save_trained
from inst.runs.bars import bar, say
from inst.runs.distributed import Team
from inst.runs.gan_settings import TrainingOptions
from inst.runs.gan_studio import GanStudio
from inst.runs.unfinished import Unfinished, identity_of
from inst.training import Stop, optimizer_tensors, restore_optimizer, stopping, with_prefix, without_prefix


class Losses(Protocol):
    """What a step reports."""

    @property
    def total(self) -> Tensor: ...


@dataclass
class Lesson:
    """What is trained and how.

    Attributes:
        batches: sequences of tensors with as many rows each; without end, the same every time.
        steps: takes batches, reports after each update.
        validate: the loss on codes that are not learned from, the same every time.
        known: codes and texts, which with the settings decide what is learned.
        facts, prefix: of the file that is written.
        rate: share of the learning rate at a share of all steps.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    batches: Iterable[Sequence[Tensor]]
    steps: Callable[[Iterable[Any]], Iterator[Losses]]
    validate: Callable[[], float]
    known: Sequence[object]
    facts: dict[str, Any]
    prefix: str = ""
    rate: Callable[[float], float] = lambda done: 1.0


@dataclass
class Course:
    """A lesson under way: what a saved state holds and a resumed run continues.

    Attributes:
        done: steps taken.
        validated: (step, loss), that before the first step too.
        best: the weights of the lowest loss after a step, ``None`` before the first.
    """

    lesson: Lesson
    done: int = 0
    validated: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None

    @property
    def best_loss(self) -> tuple[int, float]:
        """The step that ``best`` is of, and its loss; NaN before there is one."""
        return min(self.validated[1:], key=lambda pair: pair[1], default=(self.done, float("nan")))

    def validate(self) -> None:
        loss = self.lesson.validate()
        lower = not self.validated[1:] or loss < self.best_loss[1]
        self.validated.append((self.done, loss))
        if self.done and lower:
            self.best = _parameters(self.lesson.network)
        note = " (lowest)" if self.done and lower else ""
        say(f"step {self.done}: validation loss {loss:.4f}{note}")

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = with_prefix("network", _parameters(self.lesson.network)) | with_prefix("best", self.best or {})
        tensors |= with_prefix("optimizer", optimizer_tensors(self.lesson.optimizer))
        return tensors, {"step": self.done, "validated": self.validated}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.lesson.network.load_state_dict(without_prefix("network", tensors))
        restore_optimizer(self.lesson.optimizer, without_prefix("optimizer", tensors))
        self.best = without_prefix("best", tensors) or None
        self.done, self.validated = int(facts["step"]), [(int(step), loss) for step, loss in facts["validated"]]


def _parameters(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def take_lesson(
    run: TrainingOptions, studio: GanStudio, place: Unfinished, make: Callable[[], Lesson], total: int
) -> int:
    """Train for ``total`` steps and write the best weights; stopped before, those so far, and a state to go on from.

    Every step's batch is shared by the processes there are: how many makes no difference to what is learned.

    Returns:
        The exit code: that of the signal where one stopped it.

    Raises:
        ConfigError: a batch that cannot be shared evenly.
        InputError: another run writes the same file, or the state belongs to other settings.
    """
    team = Team.join(studio.placement)
    if run.batch_size % team.count:
        raise ConfigError(
            f"batch-size={run.batch_size} cannot be shared by {team.count} processes: give a multiple of {team.count}"
        )
    with team.locked(place.lock), stopping() as stop:
        probe = clip_probe(studio.clip)
        course = Course(make())
        lesson = course.lesson
        place = replace(place, identity=identity_of(run, studio.fingerprint, probe, *lesson.known))
        if run.resume and (restored := place.restore(quiet=not team.is_main)) is not None:
            course.restore(*restored)
        _take_steps(run, course, place, stop, team, total)
        if team.is_main:
            facts = {"generator": studio.fingerprint, "clip": studio.clip_name, "steps": course.done}
            facts |= {"validation": course.validated, "best_step": course.best_loss[0]}
            lesson.network.load_state_dict(course.best or lesson.network.state_dict())
            save_trained(place.output, lesson.network, lesson.facts | facts, probe, prefix=lesson.prefix)
            _tell(course, place, total)
            if course.done == total:
                place.finished()
    return stop.exit_code if course.done < total else 0


def _tell(course: Course, place: Unfinished, total: int) -> None:
    if course.done < total:
        say(f"stopped after {course.done} steps; what was learned is in {place.output} (--resume continues)")
        return
    (_, first), (step, best) = course.validated[0], course.best_loss
    say(f"{place.output}: the weights of step {step} of {total}, validation loss {first:.4f} -> {best:.4f}")


def _take_steps(run: TrainingOptions, course: Course, place: Unfinished, stop: Stop, team: Team, total: int) -> None:
    """All steps from where a state left off, until the last or a signal."""
    lesson, first = course.lesson, course.done
    batches = _shared(_rated(itertools.islice(lesson.batches, first, total), lesson, first, total), team)
    with bar(total, "training", quiet=not team.is_main) as progress:
        progress.update(first)
        if first == 0 and team.is_main:
            course.validate()
        for step in lesson.steps(batches):
            course.done += 1
            loss, last = team.mean(step.total), course.done == total
            asked = team.asked(stop) and not last
            if team.is_main and not asked and (last or course.done % run.validation_steps == 0):
                course.validate()
            progress.update()
            progress.set_postfix(loss=f"{loss:.4f}", best=f"{course.best_loss[1]:.4f}", refresh=False)
            if team.is_main and not last and (asked or course.done % run.checkpointing_steps == 0):
                place.save(*course.state())
            if asked:
                return


def _rated(batches: Iterable[Any], lesson: Lesson, first: int, total: int) -> Iterator[Any]:
    """The batches, the learning rate set before each."""
    base = [group["lr"] for group in lesson.optimizer.param_groups]
    for step, batch in enumerate(batches, start=first):
        for group, rate in zip(lesson.optimizer.param_groups, base, strict=True):
            group["lr"] = rate * lesson.rate(step / total)
        yield batch


def _shared(batches: Iterable[Sequence[Tensor]], team: Team) -> Iterator[list[Tensor]]:
    """This process's rows of every batch."""
    return ([part[team.index :: team.count] for part in batch] for batch in batches)
