"""Style distances against SciPy, and their sensitivities and invariances."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from skimage.exposure import equalize_hist
from torch.nn import functional

from inst.colour import transfer_mean_covariance
from inst.metrics import style

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)


def recoloured(image: torch.Tensor) -> torch.Tensor:
    """Other hues and a lower contrast with the same luma pattern, inside the gamut."""
    luma = (image * LUMA).sum(1, keepdim=True)
    chroma = 0.2 * (image - luma)[:, [2, 0, 1]]
    return 0.6 * luma + chroma - (chroma * LUMA).sum(1, keepdim=True)


def test_signature_distance_is_the_mean_of_scipys_one_dimensional_distances(cat, coffee):
    first, second = style.color_signature(cat), style.color_signature(coffee)
    rows = [(0, 0), (1, 17), (2, 511)]
    ours = [(first[s, k] - second[s, k]).abs().mean().item() for s, k in rows]
    theirs = [wasserstein_distance(first[s, k].numpy(), second[s, k].numpy()) for s, k in rows]
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert first.shape == (3, 512, 4096)
    assert (first.diff(dim=2) >= 0).all()


def test_signatures_match_patches_cut_in_numpy(coffee):
    """With index arithmetic in NumPy instead of unfold and a batched product."""
    generator = torch.Generator().manual_seed(style.SEED)
    places = torch.rand(style.NUM_PATCHES, 2, generator=generator).numpy()
    directions = torch.randn(147, style.NUM_PROJECTIONS, generator=generator)
    direction = (directions[:, 3] / directions[:, 3].norm()).numpy()
    picture = ((coffee[0] + 1) / 2).numpy()
    corners = (places * np.float32(256 - 6)).astype(int)
    values = sorted(float(picture[:, r : r + 7, c : c + 7].ravel() @ direction) for r, c in corners)
    np.testing.assert_allclose(style.color_signature(coffee)[0, 3].numpy(), values, atol=1e-4)


def test_distance_between_flat_colours_has_a_closed_form():
    """Along a direction u the distance is |Σ u| times the offset; the mean of |Σ u| over the directions is known."""
    dark, light = torch.full((1, 3, 64, 64), -0.5), torch.full((1, 3, 64, 64), 0.5)
    generator = torch.Generator().manual_seed(style.SEED)
    torch.rand(style.NUM_PATCHES, 2, generator=generator)
    directions = functional.normalize(torch.randn(147, style.NUM_PROJECTIONS, generator=generator), dim=0)
    expected = 0.5 * directions.sum(0).abs().mean().item()
    assert style.color_distance(dark, light) == pytest.approx(expected, rel=1e-4)


def test_identity_is_zero_and_order_does_not_matter(cat, coffee):
    for distance in (style.color_distance, style.stroke_distance):
        assert distance(cat, cat) == 0
        assert distance(cat, coffee) == distance(coffee, cat) > 0


def test_another_crop_is_nearer_than_another_image(photo, cat, coffee):
    shifted = photo("coffee", 300)[..., 30:286, 30:286]
    for distance in (style.color_distance, style.stroke_distance):
        assert distance(coffee, shifted) < distance(coffee, cat)


def test_a_colour_transfer_changes_the_colour_but_not_the_stroke_distance(cat, coffee):
    painted = transfer_mean_covariance(cat, coffee)
    assert style.color_distance(painted, coffee) < 0.6 * style.color_distance(cat, coffee)
    assert style.stroke_distance(painted, coffee) == pytest.approx(style.stroke_distance(cat, coffee), rel=0.05)


def test_stroke_distance_ignores_hue_and_contrast(cat, coffee):
    scale = style.stroke_distance(cat, coffee)
    assert style.stroke_distance(coffee, coffee * 0.5 + 0.2) < 0.02 * scale
    assert style.stroke_distance(coffee, recoloured(coffee)) < 0.02 * scale
    assert style.color_distance(coffee, recoloured(coffee)) > 0.05


def test_stroke_distance_increases_with_blur(photo, coffee):
    small = functional.interpolate(coffee, scale_factor=0.25, mode="area")
    blurred = functional.interpolate(small, (256, 256), mode="bilinear")
    another_crop = photo("coffee", 300)[..., 30:286, 30:286]
    assert style.stroke_distance(coffee, blurred) > 1.5 * style.stroke_distance(coffee, another_crop)


def test_images_of_any_size_are_resized_to_the_same_short_side(coffee):
    wide = functional.interpolate(coffee, (512, 512), mode="bicubic").clamp(-1, 1)
    assert style.color_distance(coffee, wide) < 0.01
    assert style.color_signature(coffee[..., :100, :]).shape == (3, 512, 4096)


def test_equalisation_spreads_grey_levels_evenly():
    """Histogram equalisation maps a grey level to the fraction of pixels that are not brighter."""
    ramp = np.linspace(0, 1, 4096).reshape(64, 64) ** 3
    np.testing.assert_allclose(equalize_hist(ramp), np.linspace(0, 1, 4096).reshape(64, 64), atol=0.2)


def test_clip_similarity_is_the_mean_cosine(mean_colours):
    red, yellow = torch.tensor([1.0, 0, 0]), torch.tensor([1.0, 1.0, 0])
    pictures = [colour.view(1, 3, 1, 1).expand(1, 3, 8, 8) for colour in (red, yellow)]
    assert style.clip_similarity(mean_colours, *pictures) == pytest.approx(0.5**0.5)
