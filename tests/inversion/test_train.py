"""Training a style: the loss decreases, only the learner is updated, and a resumed run equals an uninterrupted one."""

import pytest
import torch
from torch.testing import assert_close

from inst.errors import TokenError
from inst.inversion.learner import vectors_of
from inst.inversion.loss import draw, noise_loss
from inst.inversion.settings import InversionSettings, resolve
from inst.seeds import generator
from inst.training.checkpoint import Checkpoint
from inst.training.loop import run_training


def run(training, **options):
    """Trains to the end and returns the last step."""
    *_, last = run_training(training.task(), total=training.settings.max_train_steps, **options)
    return last


def test_the_validation_loss_decreases(training):
    last = run(training(max_train_steps=12, learning_rate=1e-3))
    assert last.best_loss < last.history[0][1]


def test_direct_inversion_starts_from_the_same_vectors(training):
    assert_close(vectors_of(training(method="direct").learner), vectors_of(training().learner))


def test_only_the_learner_is_updated(training, session):
    before = {name: value.clone() for name, value in session.model.unet.state_dict().items()}
    learning = training(max_train_steps=2)
    start = vectors_of(learning.learner)
    run(learning)
    assert not torch.equal(vectors_of(learning.learner), start)
    assert all(torch.equal(value, before[name]) for name, value in session.model.unet.state_dict().items())
    assert not any(parameter.requires_grad for parameter in session.model.unet.parameters())
    assert all(parameter.grad is None for parameter in session.model.text.text_encoder.parameters())


def test_a_resumed_run_is_bit_identical(training, tmp_path):
    whole, first, second = (training(max_train_steps=6) for _ in range(3))  # with dropout
    uninterrupted = run(whole)
    checkpoint = Checkpoint(tmp_path / "a.state", "this run")
    stopped = run(first, checkpoint=checkpoint, should_stop=lambda: first.step >= 2)
    assert (stopped.step, stopped.stopped) == (3, True)
    resumed = run(second, checkpoint=checkpoint, resume=True)
    assert torch.equal(whole.vectors(), second.vectors())
    assert torch.equal(whole.vectors(uninterrupted.best), second.vectors(resumed.best))
    assert uninterrupted.history == resumed.history


def test_accumulated_micro_batches_equal_the_whole_batch(training):
    """Without dropout, four timesteps at once and one at a time give the same update."""
    at_once = training(max_train_steps=1, batch_size=4, dropout=0.0)
    split = training(max_train_steps=1, batch_size=4, micro_batch=1, dropout=0.0)
    run(at_once), run(split)
    assert_close(vectors_of(at_once.learner), vectors_of(split.learner), atol=2e-4, rtol=1e-3)


def test_training_stops_early_when_the_loss_stagnates(training):
    last = run(training(max_train_steps=500, learning_rate=1e-7, validation_steps=1, early_stop=2))
    assert last.finished and last.step < 20


def test_a_nan_loss_stops_training(training):
    learning = training(max_train_steps=5)
    learning.latents[:] = float("nan")
    before = learning.vectors()
    steps = run_training(learning.task(), total=5)
    first = next(steps)
    with pytest.raises(TokenError, match="not a number after 0 steps"):
        next(steps)
    assert torch.equal(learning.vectors(first.best), before)


def test_a_new_module_starts_at_the_initial_vectors(training):
    learning = training(num_vectors=2)  # the pretrained module has another number of vectors
    assert_close(vectors_of(learning.learner), learning.learner.start.cpu())
    vocabulary = learning.model.text.vocabulary_norm
    assert learning.learner.start.norm(dim=-1).mean() == pytest.approx(vocabulary, rel=0.8)


def test_the_paper_preset_has_the_published_settings(training):
    learning = training(preset="paper", batch_size=None)
    s = learning.settings
    assert (s.max_train_steps, s.batch_size, s.learning_rate, s.num_vectors) == (6100, 1, 1e-4, 1)
    assert learning.learner.context is None
    assert learning.latents.shape[2] == learning.latents.shape[3]  # resized to a square


def test_running_out_of_memory_halves_the_micro_batch(training, monkeypatch):
    """A batch of four timesteps raises OutOfMemoryError; the update is still that of the whole batch."""
    whole = training(max_train_steps=1, batch_size=4, dropout=0.0)
    run(whole)
    starved = training(max_train_steps=1, batch_size=4, dropout=0.0)
    predict = type(starved.model).predict_noise

    def small_only(self, latents, timesteps, conditioning):
        if len(latents) > 2:
            raise torch.OutOfMemoryError("full")
        return predict(self, latents, timesteps, conditioning)

    monkeypatch.setattr(type(starved.model), "predict_noise", small_only)
    run(starved)
    assert starved.micro == 2
    assert_close(vectors_of(whole.learner), vectors_of(starved.learner), atol=2e-4, rtol=1e-3)


def test_given_settings_override_preset_and_model():
    settings = resolve(InversionSettings(preset="paper", num_vectors=3), {"resolution": 256, "num_vectors": 4})
    assert (settings.num_vectors, settings.resolution, settings.batch_size) == (3, 256, 1)


def test_training_samples_are_square_crops_at_stratified_timesteps(training):
    learning = training()
    drawn = draw(learning.latents, learning.schedule, 10, 8, generator(0))
    assert drawn.x0.shape == (10, learning.model.latent_channels, 8, 8)
    assert [t // 100 for t in drawn.t.tolist()] == list(range(10))


def test_min_snr_weighting_reduces_the_weight_of_clean_timesteps(training):
    """With gamma 5 a timestep with an SNR of 50 has a tenth of the weight."""
    schedule = training().schedule
    snr = schedule.alpha_bar / (1 - schedule.alpha_bar)
    t = int((snr - 50).abs().argmin())
    x0 = torch.zeros(1, 4, 4, 4)
    drawn = type(draw(x0, schedule, 1, 4, generator(0)))(x0, torch.tensor([t]), torch.zeros_like(x0))
    plain = noise_loss(lambda x, t: torch.ones_like(x), schedule, drawn, 0.0)
    weighted = noise_loss(lambda x, t: torch.ones_like(x), schedule, drawn, 5.0)
    assert float(plain) == pytest.approx(1.0)
    assert float(weighted) == pytest.approx(5 / float(snr[t]), rel=1e-4)
