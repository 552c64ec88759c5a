"""Patch transport: the patch distribution becomes that of the painting, and the composition is kept."""

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
    """Smooth random latents; ``coarse`` is the size of their spots in latent pixels."""
    noise = torch.randn(
        batch, CHANNELS, height // coarse, width // coarse, generator=torch.Generator().manual_seed(seed)
    )
    return functional.interpolate(noise, (height, width), mode="bicubic")


def stripes():
    """Latents of a painting with a different distribution: crossing stripes, and one dark channel."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(36.0), indexing="ij")
    return torch.stack([(x / 1.5).sin(), (y / 2).cos() + 1, -2 + 0 * x, (x + y).sin()])[None]


def patch_distance(one, other):
    """Sliced Wasserstein distance of patches, along other directions than those the method uses."""
    axes = functional.normalize(torch.randn(64, CHANNELS * 9, generator=torch.Generator().manual_seed(99)), dim=1)
    levels = torch.linspace(0.02, 0.98, 40)
    first, second = ((axes @ functional.unfold(x, 3)[0]).quantile(levels, dim=1) for x in (one, other))
    return (first - second).abs().mean().item()


def test_the_patch_distribution_approaches_the_paintings():
    photo, painting = latents(0), stripes()
    wanted = patch_distribution(painting)
    result = photo
    distances = [patch_distance(photo, painting)]
    for _ in range(4):
        result = transport(result, wanted)
        distances.append(patch_distance(result, painting))
    assert distances[1] < 0.5 * distances[0]
    assert distances[4] < 0.3 * distances[0]
    unchanged = patch_distance(transport(painting, wanted), painting)
    assert unchanged < 0.05 * distances[0]  # the painting itself hardly changes


def test_the_composition_of_the_photo_is_kept():
    """Brighter places stay brighter, because transport keeps the order of values along an axis."""
    photo = latents(1)
    result = transport(photo, patch_distribution(latents(2, height=48, width=48) * 0.5 + 1))
    assert torch.corrcoef(torch.stack([photo.flatten(), result.flatten()]))[0, 1] > 0.8


def test_the_share_controls_the_amount_of_change():
    photo, wanted = latents(0), patch_distribution(stripes())
    assert_close(transport(photo, wanted, 0.0), photo, rtol=0, atol=0)
    changes = [(transport(photo, wanted, share) - photo).abs().mean().item() for share in (0.05, 0.4, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] < 0.5 * changes[2]


def test_images_of_a_batch_are_transported_independently():
    pictures, wanted = torch.cat([latents(0), 3 * latents(1) - 2]), patch_distribution(stripes())
    single = [transport(picture[None], wanted) for picture in pictures]
    assert_close(transport(pictures, wanted), torch.cat(single), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("side", [2, 3, 7, 13])
def test_latents_of_any_size_are_accepted(side):
    """Scales too small for a patch are skipped; below 3 latent pixels that is all of them, so nothing changes."""
    photo = latents(0, height=side, width=side + 1, coarse=1)
    result = transport(photo, patch_distribution(stripes()))
    assert result.shape == photo.shape
    assert result.isfinite().all()
    assert torch.equal(result, photo) == (side < 3)
    of_tiny_painting = transport(latents(1), patch_distribution(photo))  # the painting may have any size, too
    assert patch_distance(of_tiny_painting, latents(1)) > 0
    assert of_tiny_painting.isfinite().all()


def test_the_predicted_noise_corresponds_to_the_transported_image():
    schedule = NoiseSchedule(torch.linspace(0.99, 0.01, 1000))
    xt, wanted, t = latents(3), patch_distribution(stripes()), expand_timestep(400, latents(3))
    eps = with_transport(lambda x, _: 0.3 * x, schedule, wanted, 0.5)(xt, t)
    a = schedule.alpha_bar[400]
    x0 = (xt - (1 - a).sqrt() * 0.3 * xt) / a.sqrt()
    assert_close(a.sqrt() * transport(x0, wanted, 0.5) + (1 - a).sqrt() * eps, xt, atol=1e-5, rtol=1e-5)


def test_styles_are_mixed_by_weight():
    one, other = patch_distribution(stripes()), patch_distribution(latents(5))
    assert_close(weighted_mean([(2.0, one), (0.0, other)]), one)
    assert_close(weighted_mean([(0.5, one), (0.5, other)]), (one + other) / 2)


def test_rotations_are_orthogonal_and_differ():
    first, second = (module._rotation(index, 36) for index in range(2))
    assert_close(first @ first.T, torch.eye(36), atol=1e-5, rtol=0)
    assert (first - second).abs().max() > 0.1


def test_invalid_patch_distributions_are_detected():
    whole = patch_distribution(stripes())
    assert is_distribution(whole)
    assert is_distribution(whole, CHANNELS)
    assert not is_distribution(whole, 16)
    for bad in (whole[0], whole[:2], whole[:, :, :35], whole[..., :0], whole * float("nan")):
        assert not is_distribution(bad)
