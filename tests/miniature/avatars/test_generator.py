"""The GAN's training at small size: exact resumption, penalties, learning, export."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from inst.gan.checkpoints import load_generator
from inst.placement import Placement
from miniature.avatars.data.dataset import to_tensors
from miniature.avatars.generator import export
from miniature.avatars.generator import train as gan
from miniature.avatars.generator.distance import set_distance
from miniature.common.adversarial import AdversarialRecipe, AdversarialRun, path_lengths
from miniature.common.discriminator import Discriminator, append_deviation, gradient_penalty
from miniature.common.training import Budget

WIDTHS, SIZE = (24, 24, 16), 16
CPU = Placement(torch.device("cpu"), torch.float32)
pytestmark = pytest.mark.usefixtures("precision_of_its_own")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Images that are dark red above and bright blue below a line at a random height."""
    pixels = np.zeros((300, SIZE, SIZE, 3), np.uint8)
    for index, line in enumerate(np.random.default_rng(0).integers(5, 11, len(pixels))):
        pixels[index, :line], pixels[index, line:] = (110, 10, 20), (90, 130, 250)
    np.save(tmp_path / "avatars.npy", pixels)
    return tmp_path


def train(state: Path, steps: int, **recipe: float) -> AdversarialRun:
    settings = AdversarialRecipe(**{"batch": 8, "penalty_every": 3, **recipe})  # type: ignore[arg-type]
    return gan.train(state, Budget(steps=steps), size=SIZE, device="cpu", recipe=settings, widths=WIDTHS)


def everything(run: AdversarialRun) -> list[Tensor]:
    moments = [value for param in run.params for value in run.optimizer.state[param].values()]
    return [*run.params, *run.params_ema, *run.generator.buffers(), run.path_mean, *moments]


def test_an_interrupted_run_is_resumed_exactly(state: Path, tmp_path: Path) -> None:
    straight = everything(train(state, 7, path=2.0, path_every=3))
    (state / "gan").rename(state / "first")
    train(state, 4, path=2.0, path_every=3)
    again = train(state, 7, path=2.0, path_every=3)
    assert again.num_images == 56
    assert all(torch.equal(one, two) for one, two in zip(straight, everything(again), strict=True))
    assert again.generator.latent_avg.abs().sum() > 0
    assert again.path_mean > 0
    assert [file.name for file in (state / "gan").glob("*.safetensors*")] == ["state-7.safetensors"]


def test_the_penalty_is_the_squared_gradient_of_a_known_function() -> None:
    class QuadraticDiscriminator(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return (pictures**2).sum((1, 2, 3)) * 1.5

    pictures = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = (3 * pictures).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(gradient_penalty(QuadraticDiscriminator(), pictures), expected)


def test_the_penalty_and_its_gradient_are_those_of_the_jacobian() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator((6, 5, 4), fold=2)
    pictures = torch.randn(4, 3, SIZE, SIZE)
    jacobian = torch.autograd.functional.jacobian(discriminator, pictures, create_graph=True)
    expected = jacobian.sum(0).square().sum() / 4  # type: ignore[union-attr]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        penalty = gradient_penalty(discriminator, pictures)
    torch.testing.assert_close(penalty, expected)
    weights = [discriminator.read.weight, discriminator.judge.weight]
    for one, two in zip(torch.autograd.grad(penalty, weights), torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_path_lengths_are_those_of_a_linear_map() -> None:
    rng = torch.Generator().manual_seed(0)
    matrix, noise = torch.randn(3 * 4 * 4, 6, generator=rng), torch.randn(2, 3, 4, 4, generator=rng)
    codes = torch.randn(2, 5, 6, generator=rng, requires_grad=True)
    lengths = path_lengths((codes.sum(1) @ matrix.T).reshape(2, 3, 4, 4), codes, noise)
    torch.testing.assert_close(lengths, (noise.flatten(1) @ matrix / 4).norm(dim=1))


def test_deviation_is_that_of_a_group_of_neighbours() -> None:
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x[4:] = x[4]
    maps = append_deviation(x)[:, -1]
    expected = x[:4].std(0, unbiased=False).mean()
    torch.testing.assert_close(maps[:4], expected.expand(4, 4, 4))
    assert maps[4:].max() < 1e-3


def test_mixed_codes_follow_one_code_then_another() -> None:
    generator, _ = gan.build(gan.config(SIZE, WIDTHS))
    assert (gan.mixed_codes(generator, 5, 0.0).diff(dim=1) == 0).all()
    changes = (gan.mixed_codes(generator, 64, 1.0).diff(dim=1) != 0).any(2)
    assert (changes.sum(1) == 1).all()
    assert changes.any(0).all()


def test_codes_are_not_correlated_with_the_first_weights() -> None:
    def widening(seed: int) -> float:
        generator, _ = gan.build(gan.config(SIZE, WIDTHS), seed)
        codes = [torch.randn(64, gan.W_WIDTH, generator=torch.Generator().manual_seed(s)) for s in (0, 54321)]
        small, plain = (float(generator.map(z).detach().std()) for z in codes)
        return small / plain

    assert widening(-1) > 1.3  # weights with the seed of the codes
    assert 0.9 < widening(gan.START_SEED) < 1.1


def test_a_few_steps_reduce_the_distance_to_real_images(state: Path) -> None:
    real = np.load(state / "avatars.npy")
    start = export.averaged(gan.build(gan.config(SIZE, WIDTHS))[0].state_dict())
    before, least = export.distance(start, real, 100)
    run = train(state, 60, penalty_every=16, lr=0.005)
    after, _ = export.distance(export.averaged(run.averaged()["generator"]), real, 100)
    assert least < after < 0.6 * before


def test_nan_stops_the_run_and_changes_nothing(state: Path) -> None:
    run = train(state, 2)
    before = [tensor.clone() for tensor in (*run.params, *run.params_ema)]
    written = {file: file.stat().st_mtime_ns for file in run.folder.iterdir()}
    real = torch.full((8, 3, SIZE, SIZE), torch.nan)
    with pytest.raises(FloatingPointError, match="step 2"):
        gan.train_step(run, run.generator, real, contextlib.nullcontext)
    assert all(torch.equal(one, two) for one, two in zip(before, (*run.params, *run.params_ema), strict=True))
    assert {file: file.stat().st_mtime_ns for file in run.folder.iterdir()} == written


def test_an_exported_generator_synthesizes_the_averaged_ones_images(state: Path) -> None:
    run = train(state, 6, lr=0.02)
    path = state / "out" / "generator.safetensors"
    export.export(state, path)
    loaded = load_generator(path, CPU)
    averaged, _ = gan.build(gan.config(SIZE, WIDTHS))
    averaged.load_state_dict(run.averaged()["generator"])
    with torch.no_grad():
        averaged.latent_avg.copy_(averaged.map(torch.randn(10_000, gan.W_WIDTH)).mean(0))
        torch.testing.assert_close(loaded.latent_avg, averaged.latent_avg, atol=0.1, rtol=0)
        averaged.latent_avg.copy_(loaded.latent_avg)
        expected, images = export.sample_images(averaged, 8, 0.7), export.sample_images(loaded, 8, 0.7)
        raw = export.sample_images(run.generator, 8, 0.7)
    torch.testing.assert_close(images, expected, atol=0.02, rtol=0)
    assert (raw - expected).abs().max() > 0.1
    begun, _ = gan.build(gan.config(SIZE, WIDTHS), seed=1)
    export.init_from(path.parent, begun, nn.Identity())
    torch.testing.assert_close(export.sample_images(begun, 8, 0.7), images)


def test_images_of_another_size_are_rejected(state: Path) -> None:
    with pytest.raises(ValueError, match="32, 32, 3"):
        gan.train(state, Budget(steps=1), size=32, device="cpu", widths=(8, 8, 8, 8))


def test_the_distance_of_image_sets_depends_on_their_content(state: Path) -> None:
    real = to_tensors(np.load(state / "avatars.npy"))
    assert set_distance(real[:100], real[:100]) == 0
    other = set_distance(real[:100], real[100:200])
    assert other < 0.3 * set_distance(real[:100], real[:100].flip(2))
    assert other < 0.5 * set_distance(real[:100], real[:1].expand(100, -1, -1, -1))
