"""The training loop on a problem that is solved in microseconds."""

import itertools

import pytest
import torch

from inst.errors import InputError
from inst.training.checkpoint import Checkpoint
from inst.training.early_stop import EarlyStop
from inst.training.loop import TrainingTask, run_training
from inst.training.random_state import RandomStream
from inst.training.workers import Workers


class Line:
    """A linear map with dropout that learns a constant; its task counts what the loop asks for."""

    def __init__(self, losses=None, **changes):
        random = RandomStream(0, torch.device("cpu"))
        with random:
            self.network = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.1)
        self.draws = torch.Generator().manual_seed(1)
        self.losses = iter(losses) if losses is not None else None
        self.rates = []
        settings = {"validation_steps": 2, "generators": {"draws": self.draws}}
        self.task = TrainingTask(
            network=self.network,
            optimizer=self.optimizer,
            updates=self.updates,
            validate=self.validate,
            random=random,
            **(settings | changes),
        )

    def updates(self, step):
        while True:
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            loss = (self.network(torch.randn(8, 4, generator=self.draws)) - 3).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield loss.detach()

    @torch.no_grad()
    def validate(self):
        if self.losses is not None:
            return next(self.losses)
        self.network.eval()
        loss = (self.network(torch.ones(1, 4)) - 3).square().mean().item()
        self.network.train()
        return loss


def last_of(line, total, **options):
    *_, last = run_training(line.task, total=total, **options)
    return last


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_the_items_of_a_run():
    items = list(run_training(Line().task, total=5))
    assert [item.step for item in items] == [0, 1, 2, 3, 4, 5]
    assert [item.validation is not None for item in items] == [True, False, True, False, True, True]
    assert [item.loss is not None for item in items] == [False] + [True] * 5
    assert [item.finished for item in items] == [False] * 5 + [True]
    assert [step for step, _ in items[-1].history] == [0, 2, 4, 5]
    assert not any(item.stopped for item in items)


@pytest.mark.parametrize(("counts", "best"), [(False, 4), (True, 0)])
def test_the_untrained_weights_are_the_best_ones_only_where_that_is_allowed(counts, best):
    line = Line(losses=[1.0, 3.0, 2.0], untrained_counts=counts)
    before = {name: value.clone() for name, value in line.network.state_dict().items()}
    last = last_of(line, 4)
    assert (last.best_step, last.best_loss) == (best, [1.0, 3.0, 2.0][best // 2])
    assert same(last.best, before) is counts


def test_the_best_weights_are_kept_and_not_the_last_ones():
    items = list(run_training(Line(losses=[9, 3, 1, 2], validation_steps=1).task, total=3))
    assert [item.improved for item in items] == [False, True, True, False]
    assert items[-1].best_step == 2 and items[-1].best is items[2].best and items[1].best is not items[2].best


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_a_stopped_and_resumed_run_equals_one_that_never_stopped(stop, tmp_path):
    """Stopped at a validated step and at others: weights, optimizer, dropout, draws and validation losses."""
    whole = Line()
    uninterrupted = last_of(whole, 6)
    first, calls = Line(), itertools.count(1)
    checkpoint = Checkpoint(tmp_path / "a.state", "this run")
    halted = last_of(first, 6, checkpoint=checkpoint, should_stop=lambda: next(calls) == stop)
    assert (halted.step, halted.stopped, halted.finished) == (stop, True, False)
    second = Line()
    resumed = list(run_training(second.task, total=6, checkpoint=checkpoint, resume=True))
    assert resumed[0].step == stop and resumed[0].loss is None
    assert resumed[-1].history == uninterrupted.history and resumed[-1].best_step == uninterrupted.best_step
    assert same(resumed[-1].best, uninterrupted.best)
    assert same(second.network.state_dict(), whole.network.state_dict())


def test_the_callers_random_numbers_and_those_of_the_run_are_independent():
    whole, watched = Line(), Line()
    last_of(whole, 6)
    torch.manual_seed(5)
    drawn = torch.cat([torch.rand(2) for _ in run_training(watched.task, total=6)])
    assert same(watched.network.state_dict(), whole.network.state_dict())
    assert torch.equal(drawn, torch.rand(14, generator=torch.Generator().manual_seed(5)))


def test_a_caller_that_leaves_the_loop_leaves_a_checkpoint(tmp_path):
    checkpoint, whole, second = Checkpoint(tmp_path / "a.state"), Line(), Line()
    last_of(whole, 6)
    for item in run_training(Line().task, total=6, checkpoint=checkpoint):
        if item.step == 3:
            break
    assert checkpoint.exists
    last_of(second, 6, checkpoint=checkpoint, resume=True)
    assert same(second.network.state_dict(), whole.network.state_dict())


def test_checkpoints_are_saved_at_intervals_and_not_of_a_finished_run(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.state")
    saved = []
    for item in run_training(Line().task, total=4, checkpoint=checkpoint, checkpointing_steps=2):
        saved.append(checkpoint.load()[1]["step"] if checkpoint.exists else None)
        checkpoint.remove()
        if item.finished:
            break
    assert saved == [None, None, 2, None, None]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    last_of(Line(), 4, checkpoint=Checkpoint(tmp_path / "a.state", "one"), should_stop=lambda: True)
    with pytest.raises(InputError, match="was saved with another"):
        last_of(Line(), 4, checkpoint=Checkpoint(tmp_path / "a.state", "other"), resume=True)


def test_early_stop_ends_the_run_and_is_remembered(tmp_path):
    losses = [5.0, 4.0, 4.0, 4.0, 1.0]
    last = last_of(Line(losses=losses, validation_steps=1, patience=2), 9)
    assert (last.step, last.finished, last.stopped) == (3, True, False)
    checkpoint = Checkpoint(tmp_path / "a.state")
    stopped = Line(losses=losses[:3], validation_steps=1, patience=2)
    calls = itertools.count(1)
    last_of(stopped, 9, checkpoint=checkpoint, should_stop=lambda: next(calls) == 2)
    resumed = Line(losses=losses[3:], validation_steps=1, patience=2)
    assert last_of(resumed, 9, checkpoint=checkpoint, resume=True).step == 3


def test_the_learning_rate_follows_the_schedule_of_the_whole_run(tmp_path):
    def halved(done):
        return 0.5 if done >= 0.5 else 1.0

    whole = Line(schedule=halved)
    last_of(whole, 4)
    assert whole.rates == [0.1, 0.1, 0.05, 0.05]
    checkpoint, calls = Checkpoint(tmp_path / "a.state"), itertools.count(1)
    last_of(Line(schedule=halved), 4, checkpoint=checkpoint, should_stop=lambda: next(calls) == 3)
    resumed = Line(schedule=halved)
    last_of(resumed, 4, checkpoint=checkpoint, resume=True)
    assert resumed.rates == [0.05]


def test_a_stop_at_the_last_step_is_a_finished_run():
    assert last_of(Line(), 3, should_stop=lambda: False).finished
    calls = itertools.count(1)
    last = last_of(Line(), 3, should_stop=lambda: next(calls) == 3)
    assert last.finished and not last.stopped


def test_a_state_holds_what_dropout_and_draws_need(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.state")
    last_of(Line(), 4, checkpoint=checkpoint, should_stop=lambda: True)
    tensors, _ = checkpoint.load()
    assert {"random.cpu", "generator.draws"} <= set(tensors)


def test_early_stop_counts_validations_without_gain():
    stop = EarlyStop(patience=2)
    assert stop.update(1.0) and stop.update(0.9)
    assert not stop.update(0.95)
    assert stop.update(0.8999) and stop.waited == 2  # lower, and too little to count
    assert stop.exhausted
    assert not EarlyStop(patience=0, waited=99).exhausted


def test_shares_are_disjoint_and_complete():
    shares = [Workers(index, 3).share(range(10)) for index in range(3)]
    assert sorted(item for one in shares for item in one) == list(range(10))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
