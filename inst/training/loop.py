"""The one training loop: validated, saved, stopped, resumed and stopped early; by one process or by several.

It is a generator that prints nothing. Bars, messages and output files belong to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from inst.training.checkpoint import Checkpoint
from inst.training.early_stop import EarlyStop
from inst.training.random_state import RandomStream
from inst.training.tensors import (
    optimizer_tensors,
    restore_optimizer,
    weights_of,
    with_prefix,
    without_prefix,
)
from inst.training.workers import ONE_PROCESS, Workers


@dataclass(kw_only=True)
class TrainingTask:
    """What is trained, and how.

    Attributes:
        network: its parameters are what is learned.
        optimizer: of those parameters.
        updates: ``updates(step)`` begins at that step and goes on without end; each item is the loss of one update,
            taken before the update. After the same state it must make the same updates.
        validate: the loss on data that are not learned from, the same every time it is called.
        validation_steps: steps between two validations; the last step is validated in any case.
        patience: validations without a lower loss after which training ends early; 0 never.
        untrained_counts: whether the weights before the first step may be the best ones.
        schedule: the learning rate's factor at a share of all steps, 0 to 1.
        random: in force during updates, which may draw from PyTorch's global generators (dropout does).
        generators: further generators that ``updates`` draws from. Checkpoints hold the states of all.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    updates: Callable[[int], Iterator[Tensor | float]]
    validate: Callable[[], float]
    validation_steps: int
    random: RandomStream
    patience: int = 0
    untrained_counts: bool = False
    schedule: Callable[[float], float] = lambda done: 1.0
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingProgress:
    """How far training is, after a step.

    Attributes:
        step: steps taken, those of earlier runs included.
        total: steps that will be taken at most.
        loss: of this step's update; ``None`` in the first item, which comes before any step.
        validation: the validation loss, at the steps that have one; in the main process only.
        improved: whether this validation loss is the lowest so far.
        best_step, best_loss: of the lowest validation loss; this step and NaN before there is one.
        history: all validation losses as (step, loss).
        best: the weights of ``best_step``, on the CPU; ``None`` before there are any.
        finished: whether training is complete, at the last step or by early stop.
        stopped: whether it was asked to stop before that; the checkpoint, if there is one, was saved.
    """

    step: int
    total: int
    loss: float | None = None
    validation: float | None = None
    improved: bool = False
    best_step: int
    best_loss: float
    history: tuple[tuple[int, float], ...] = ()
    best: Mapping[str, Tensor] | None = field(default=None, repr=False)
    finished: bool = False
    stopped: bool = False


@dataclass
class TrainingState:
    """A task under way: what a checkpoint holds and a resumed run continues from.

    Attributes:
        step: steps taken.
        history: validation losses as (step, loss), that before the first step included.
        best: the weights of the lowest validation loss, ``None`` before there is one.
    """

    task: TrainingTask
    step: int = 0
    history: tuple[tuple[int, float], ...] = ()
    best: dict[str, Tensor] | None = None
    _best_step: int | None = None
    _early_stop: EarlyStop = field(default_factory=EarlyStop)

    def __post_init__(self) -> None:
        self._early_stop = EarlyStop(self.task.patience)

    @property
    def exhausted(self) -> bool:
        """Whether the validation loss has not fallen for too long."""
        return self._early_stop.exhausted

    def validate(self) -> tuple[float, bool]:
        """Validate, and keep the weights if they are the best.

        Returns:
            The loss, and whether it is the lowest so far.
        """
        loss = self.task.validate()
        improved = self._record(self.step, loss)
        if improved or (self.step == 0 and self.task.untrained_counts):
            self.best = weights_of(self.task.network)
        return loss, improved

    def _record(self, step: int, loss: float) -> bool:
        self.history = (*self.history, (step, loss))
        if step == 0 and not self.task.untrained_counts:
            return False
        improved = self._early_stop.update(loss)
        if improved:
            self._best_step = step
        return improved

    def progress(self, total: int, **changes: Any) -> TrainingProgress:
        """The state as the caller of the loop sees it."""
        return TrainingProgress(
            step=self.step,
            total=total,
            best_step=self.step if self._best_step is None else self._best_step,
            best_loss=float("nan") if self._best_step is None else self._early_stop.best,
            history=self.history,
            best=self.best,
            **changes,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Everything but the numbers of :meth:`metadata` that the next step depends on."""
        task = self.task
        return {
            **with_prefix("network", weights_of(task.network)),
            **with_prefix("best", self.best or {}),
            **with_prefix("optimizer", optimizer_tensors(task.optimizer)),
            **with_prefix("random", task.random.states),
            **with_prefix("generator", {name: rng.get_state() for name, rng in task.generators.items()}),
        }

    def metadata(self) -> dict[str, Any]:
        """JSON values that belong to :meth:`tensors`."""
        return {"step": self.step, "history": self.history}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Continue from a saved state, as if the run had never stopped."""
        task = self.task
        task.network.load_state_dict(without_prefix("network", tensors))
        restore_optimizer(task.optimizer, without_prefix("optimizer", tensors))
        task.random.states |= without_prefix("random", tensors)
        for name, state in without_prefix("generator", tensors).items():
            task.generators[name].set_state(state)
        self.best = without_prefix("best", tensors) or None
        self.step = int(metadata["step"])
        for step, loss in metadata["history"]:
            self._record(int(step), loss)


def run_training(
    task: TrainingTask,
    *,
    total: int,
    workers: Workers = ONE_PROCESS,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    checkpointing_steps: int = 500,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[TrainingProgress, None, None]:
    """Train until ``total`` steps are taken, the validation loss no longer falls, or a stop is asked for.

    The first item comes before any step of this call: it validates the untrained network, or tells where a resumed run
    goes on. Then comes one item after each step. A caller that stops iterating leaves a checkpoint behind, too.

    Args:
        workers: several processes train one network: each takes its share of every batch in ``task.updates`` and
            averages the gradients. The main one validates and saves.
        checkpoint: where the state is kept until the run is finished; the caller removes it when the result is safe.
        resume: continue from the checkpoint where there is one.
        checkpointing_steps: steps between two checkpoints.
        should_stop: called after every step; must answer the same in all processes.

    Raises:
        InputError: the checkpoint is damaged, or of another run.
    """
    state = TrainingState(task)
    if resume and checkpoint is not None and checkpoint.exists:
        state.restore(*checkpoint.load())
    keep = checkpoint if workers.is_main else None
    saved, finished = state.step, False
    try:
        for progress in _steps(state, total, workers, should_stop):
            due = progress.stopped or (progress.loss is not None and progress.step % checkpointing_steps == 0)
            if keep is not None and due and not progress.finished:
                keep.save(state.tensors(), state.metadata())
                saved = progress.step
            finished = progress.finished
            yield progress
    except GeneratorExit:
        if keep is not None and state.step != saved and not finished:
            keep.save(state.tensors(), state.metadata())
        raise


def _steps(
    state: TrainingState, total: int, workers: Workers, should_stop: Callable[[], bool]
) -> Iterator[TrainingProgress]:
    """The items of :func:`run_training`."""
    task = state.task
    first: dict[str, Any] = {}
    if state.step == 0 and workers.is_main:
        first["validation"], first["improved"] = state.validate()
    finished = state.step >= total
    yield state.progress(total, finished=finished, **first)
    updates = task.updates(state.step)
    rates = [group["lr"] for group in task.optimizer.param_groups]
    while not finished:
        for group, rate in zip(task.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * task.schedule(state.step / total)
        with task.random:
            update = next(updates)
        loss = workers.mean(update)
        state.step += 1
        last = state.step == total
        validated = last or state.step % task.validation_steps == 0
        changes: dict[str, Any] = {}
        if validated and workers.is_main:
            changes["validation"], changes["improved"] = state.validate()
        finished = last or (bool(task.patience) and validated and workers.any(state.exhausted))
        stopped = should_stop() and not finished
        yield state.progress(total, loss=loss, finished=finished, stopped=stopped, **changes)
        if stopped:
            return
