"""The decoder's training at small size: exact resumption, unchanged latents, a discriminator conditioned on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from inst.assets import mini_folder
from miniature.common.discriminator import PatchDiscriminator
from miniature.common.training import Budget
from miniature.diffusion import autoencoder, decoder
from miniature.diffusion.adopt import adopt

pytestmark = pytest.mark.usefixtures("precision_of_its_own")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundled autoencoder and a few speckled pictures; statistics of latents from fewer crops than usual."""
    whole = autoencoder.sample_latents
    monkeypatch.setattr(autoencoder, "sample_latents", lambda model, pictures: whole(model, pictures, 6))
    rng, rows = np.random.default_rng(0), []
    for row, (kind, split) in enumerate((k, s) for k in ("style", "painting", "photo") for s in ("train", "val")):
        rows.append({"row": row, "manner": row, "kind": kind, "split": split})
    np.save(tmp_path / "pictures.npy", rng.integers(0, 256, (len(rows), 256, 256, 3), np.uint8))
    (tmp_path / "pictures.json").write_text(json.dumps(rows))
    adopt(mini_folder(), tmp_path)
    return tmp_path


def train(state: Path, steps: int) -> list[torch.Tensor]:
    run = decoder.train(state, Budget(steps=steps), device="cpu")
    moments = [value for param in run.params for value in run.optimizer.state[param].values()]
    return [*run.params, *run.params_ema, *moments]


def test_an_interrupted_run_is_resumed_exactly(state: Path) -> None:
    straight = train(state, 4)
    (state / "decoder").rename(state / "first")
    train(state, 2)
    assert all(torch.equal(one, two) for one, two in zip(straight, train(state, 4), strict=True))


def test_the_decoder_changes_and_the_latents_do_not(state: Path) -> None:
    before = autoencoder.load(state)
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    train(state, 3)
    after = autoencoder.load(state)
    with torch.no_grad():
        latents = before.encode(x).latent_dist.mean
        torch.testing.assert_close(after.encode(x).latent_dist.mean, latents)
        one, two = before.decode(latents).sample, after.decode(latents).sample
    assert (one - two).abs().mean() > 1e-4


def test_the_discriminator_scores_patches_given_their_latents() -> None:
    torch.manual_seed(0)
    critic = PatchDiscriminator()
    pictures, latents = torch.randn(1, 3, 64, 64), torch.randn(1, 4, 16, 16)
    logits = critic(pictures, latents)
    assert logits.shape == (1, 16, 16)
    assert (critic(pictures, latents + 1) - logits).abs().min() > 0
    pictures[..., 32, 32] += 1
    rows, columns = (critic(pictures, latents) - logits).abs()[0].nonzero().T
    assert 5 <= rows.max() - rows.min() + 1 <= 8
    assert 5 <= columns.max() - columns.min() + 1 <= 8
