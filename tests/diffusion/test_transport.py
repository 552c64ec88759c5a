"""Patch transport: patches come to be the painting's, and nothing else happens."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from inst.diffusion import transport as module
from inst.diffusion.schedule import NoiseSchedule, expand_timestep
from inst.diffusion.transport import is_distribution, patch_distribution, transport, with_transport
from inst.transfer.mixing import weighted_mean

CHANNELS = 4


def latents(seed, *, batch=1, height=32, width=24, coarse=4):
    """Soft spots of colour that hang together, as latents do; ``coarse`` is their size."""
    noise = torch.randn(
        batch, CHANNELS, height // coarse, width // coarse, generator=torch.Generator().manual_seed(seed)
    )
    return functional.interpolate(noise, (height, width), mode="bicubic")


def stripes():
    """A painting unlike any of those: crossing stripes, one channel dark."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(36.0), indexing="ij")
    return torch.stack([(x / 1.5).sin(), (y / 2).cos() + 1, -2 + 0 * x, (x + y).sin()])[None]


def patch_distance(one, other):
    """Sliced Wasserstein distance of patches along directions that the method does not use."""
    axes = functional.normalize(torch.randn(64, CHANNELS * 9, generator=torch.Generator().manual_seed(99)), dim=1)
    levels = torch.linspace(0.02, 0.98, 40)
    first, second = ((axes @ functional.unfold(x, 3)[0]).quantile(levels, dim=1) for x in (one, other))
    return (first - second).abs().mean().item()


def test_patches_become_the_paintings():
    photo, painting = latents(0), stripes()
    wanted = patch_distribution(painting)
    moved = photo
    distances = [patch_distance(photo, painting)]
    for _ in range(4):
        moved = transport(moved, wanted)
        distances.append(patch_distance(moved, painting))
    assert distances[1] < 0.5 * distances[0]
    assert distances[4] < 0.3 * distances[0]
    own = patch_distance(transport(painting, wanted), painting)
    assert own < 0.05 * distances[0]  # what is there already stays


def test_the_photos_composition_stays():
    """Bright stays brighter than dark: the order along an axis is kept."""
    photo = latents(1)
    moved = transport(photo, patch_distribution(latents(2, height=48, width=48) * 0.5 + 1))
    assert torch.corrcoef(torch.stack([photo.flatten(), moved.flatten()]))[0, 1] > 0.8


def test_the_share_says_how_far():
    photo, wanted = latents(0), patch_distribution(stripes())
    assert_close(transport(photo, wanted, 0.0), photo, rtol=0, atol=0)
    moves = [(transport(photo, wanted, share) - photo).abs().mean().item() for share in (0.05, 0.4, 1.0)]
    assert moves == sorted(moves)
    assert moves[0] < 0.5 * moves[2]


def test_pictures_of_a_batch_do_not_know_each_other():
    pictures, wanted = torch.cat([latents(0), 3 * latents(1) - 2]), patch_distribution(stripes())
    single = [transport(picture[None], wanted) for picture in pictures]
    assert_close(transport(pictures, wanted), torch.cat(single), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("side", [2, 3, 7, 13])
def test_any_size_is_taken(side):
    """Scales that leave no whole patch are left out; below 3 latent pixels that is all of them."""
    photo = latents(0, height=side, width=side + 1, coarse=1)
    moved = transport(photo, patch_distribution(stripes()))
    assert moved.shape == photo.shape
    assert moved.isfinite().all()
    assert torch.equal(moved, photo) == (side < 3)
    tiny = transport(latents(1), patch_distribution(photo))  # a painting of any size, too
    assert patch_distance(tiny, latents(1)) > 0
    assert tiny.isfinite().all()


def test_the_noise_predictor_says_what_the_moved_picture_implies():
    schedule = NoiseSchedule(torch.linspace(0.99, 0.01, 1000))
    xt, wanted, t = latents(3), patch_distribution(stripes()), expand_timestep(400, latents(3))
    eps = with_transport(lambda x, _: 0.3 * x, schedule, wanted, 0.5)(xt, t)
    a = schedule.alpha_bar[400]
    x0 = (xt - (1 - a).sqrt() * 0.3 * xt) / a.sqrt()
    assert_close(a.sqrt() * transport(x0, wanted, 0.5) + (1 - a).sqrt() * eps, xt, atol=1e-5, rtol=1e-5)


def test_styles_mix_by_weight():
    one, other = patch_distribution(stripes()), patch_distribution(latents(5))
    assert_close(weighted_mean([(2.0, one), (0.0, other)]), one)
    assert_close(weighted_mean([(0.5, one), (0.5, other)]), (one + other) / 2)


def test_rotations_keep_lengths_and_differ():
    first, second = (module._rotation(index, 36) for index in range(2))
    assert_close(first @ first.T, torch.eye(36), atol=1e-5, rtol=0)
    assert (first - second).abs().max() > 0.1


def test_what_a_file_holds_is_looked_at():
    whole = patch_distribution(stripes())
    assert is_distribution(whole)
    assert is_distribution(whole, CHANNELS)
    assert not is_distribution(whole, 16)
    for bad in (whole[0], whole[:2], whole[:, :, :35], whole[..., :0], whole * float("nan")):
        assert not is_distribution(bad)
