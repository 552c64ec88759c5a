"""One loop for all that the GAN side trains: validated, saved, stopped and continued, by one process or several."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inst.commands.common.progress import bar, say
from inst.commands.common.unfinished import Unfinished, identity_of
from inst.commands.faces.options import TrainingOptions
from inst.errors import ConfigError
from inst.gan.editor import clip_probe
from inst.gan.trained import save_trained
from inst.pipelines.faces.session import FaceSession
from inst.training.shared import Stop, optimizer_tensors, restore_optimizer, stopping, with_prefix, without_prefix
from inst.training.workers import Team


class Losses(Protocol):
    """What a step reports."""

    @property
    def total(self) -> Tensor: ...


@dataclass
class TrainingTask:
    """What is trained and how.

    Attributes:
        batches: sequences of tensors with as many rows each; without end, the same every time.
        steps: takes batches, reports after each update.
        validate: the loss on codes that are not learned from, the same every time.
        known: codes and texts, which with the settings decide what is learned.
        metadata, prefix: of the file that is written.
        rate: share of the learning rate at a share of all steps.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    batches: Iterable[Sequence[Tensor]]
    steps: Callable[[Iterable[Any]], Iterator[Losses]]
    validate: Callable[[], float]
    known: Sequence[object]
    metadata: dict[str, Any]
    prefix: str = ""
    rate: Callable[[float], float] = lambda done: 1.0


@dataclass
class TrainingState:
    """A task under way: what a saved state holds and a resumed run continues.

    Attributes:
        done: steps taken.
        validated: (step, loss), that before the first step too.
        best: the weights of the lowest loss after a step, ``None`` before the first.
    """

    task: TrainingTask
    done: int = 0
    validated: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None

    @property
    def best_loss(self) -> tuple[int, float]:
        """The step that ``best`` is of, and its loss; NaN before there is one."""
        return min(self.validated[1:], key=lambda pair: pair[1], default=(self.done, float("nan")))

    def validate(self) -> None:
        loss = self.task.validate()
        lower = not self.validated[1:] or loss < self.best_loss[1]
        self.validated.append((self.done, loss))
        if self.done and lower:
            self.best = _parameters(self.task.network)
        note = " (lowest)" if self.done and lower else ""
        say(f"step {self.done}: validation loss {loss:.4f}{note}")

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = with_prefix("network", _parameters(self.task.network)) | with_prefix("best", self.best or {})
        tensors |= with_prefix("optimizer", optimizer_tensors(self.task.optimizer))
        return tensors, {"step": self.done, "validated": self.validated}

    def restore(self, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        self.task.network.load_state_dict(without_prefix("network", tensors))
        restore_optimizer(self.task.optimizer, without_prefix("optimizer", tensors))
        self.best = without_prefix("best", tensors) or None
        self.done, self.validated = int(metadata["step"]), [(int(step), loss) for step, loss in metadata["validated"]]


def _parameters(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def run_training(
    run: TrainingOptions, session: FaceSession, place: Unfinished, make: Callable[[], TrainingTask], total: int
) -> int:
    """Train for ``total`` steps and write the best weights; stopped before, those so far, and a state to go on from.

    Every step's batch is shared by the processes there are: how many makes no difference to what is learned.

    Returns:
        The exit code: that of the signal where one stopped it.

    Raises:
        ConfigError: a batch that cannot be shared evenly.
        InputError: another run writes the same file, or the state belongs to other settings.
    """
    team = Team.join(session.placement)
    if run.batch_size % team.count:
        raise ConfigError(
            f"batch-size={run.batch_size} cannot be shared by {team.count} processes: give a multiple of {team.count}"
        )
    with team.locked(place.lock), stopping() as stop:
        probe = clip_probe(session.clip)
        state = TrainingState(make())
        task = state.task
        place = replace(place, identity=identity_of(run, session.fingerprint, probe, *task.known))
        if run.resume and (restored := place.restore(quiet=not team.is_main)) is not None:
            state.restore(*restored)
        _take_steps(run, state, place, stop, team, total)
        if team.is_main:
            metadata = {"generator": session.fingerprint, "clip": session.clip_name, "steps": state.done}
            metadata |= {"validation": state.validated, "best_step": state.best_loss[0]}
            task.network.load_state_dict(state.best or task.network.state_dict())
            save_trained(place.output, task.network, task.metadata | metadata, probe, prefix=task.prefix)
            _tell(state, place, total)
            if state.done == total:
                place.finished()
    return stop.exit_code if state.done < total else 0


def _tell(state: TrainingState, place: Unfinished, total: int) -> None:
    if state.done < total:
        say(f"stopped after {state.done} steps; what was learned is in {place.output} (--resume continues)")
        return
    (_, first), (step, best) = state.validated[0], state.best_loss
    say(f"{place.output}: the weights of step {step} of {total}, validation loss {first:.4f} -> {best:.4f}")


def _take_steps(
    run: TrainingOptions, state: TrainingState, place: Unfinished, stop: Stop, team: Team, total: int
) -> None:
    """All steps from where a state left off, until the last or a signal."""
    task, first = state.task, state.done
    batches = _shared(_rated(itertools.islice(task.batches, first, total), task, first, total), team)
    with bar(total, "training", quiet=not team.is_main) as progress:
        progress.update(first)
        if first == 0 and team.is_main:
            state.validate()
        for step in task.steps(batches):
            state.done += 1
            loss, last = team.mean(step.total), state.done == total
            asked = team.asked(stop) and not last
            if team.is_main and not asked and (last or state.done % run.validation_steps == 0):
                state.validate()
            progress.update()
            progress.set_postfix(loss=f"{loss:.4f}", best=f"{state.best_loss[1]:.4f}", refresh=False)
            if team.is_main and not last and (asked or state.done % run.checkpointing_steps == 0):
                place.save(*state.state())
            if asked:
                return


def _rated(batches: Iterable[Any], task: TrainingTask, first: int, total: int) -> Iterator[Any]:
    """The batches, the learning rate set before each."""
    base = [group["lr"] for group in task.optimizer.param_groups]
    for step, batch in enumerate(batches, start=first):
        for group, rate in zip(task.optimizer.param_groups, base, strict=True):
            group["lr"] = rate * task.rate(step / total)
        yield batch


def _shared(batches: Iterable[Sequence[Tensor]], team: Team) -> Iterator[list[Tensor]]:
    """This process's rows of every batch."""
    return ([part[team.index :: team.count] for part in batch] for batch in batches)
