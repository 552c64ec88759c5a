"""Layout distances against NumPy and SciPy, and their sensitivities and invariances."""

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel
from scipy.stats import pearsonr
from torch.nn import functional

from inst.image import resize
from inst.metrics import content
from inst.metrics.style import luminance


def test_correlation_is_pearson_correlation():
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    ours = content.pearson_correlation(torch.from_numpy(first), torch.from_numpy(second))
    assert ours == pytest.approx(pearsonr(first, second).statistic)


def test_correlation_of_constant_values():
    flat, ramp = torch.ones(8), torch.arange(8.0)
    assert content.pearson_correlation(flat, ramp) == 0
    assert content.pearson_correlation(flat, flat) == 1


def test_edges_match_the_sobel_magnitude_of_scipy():
    image = torch.randn(1, 3, 64, 64).clamp(-1, 1)
    grey = luminance(image)[0, 0].numpy()
    expected = np.hypot(sobel(grey, 0), sobel(grey, 1))[1:-1, 1:-1] / 8
    np.testing.assert_allclose(content.edge_map(image, 64).numpy(), expected, atol=1e-5)


def test_edge_distance_ignores_colour_and_depends_on_layout(cat, coffee):
    assert content.edge_distance(cat, cat) == pytest.approx(0, abs=1e-6)
    assert content.edge_distance(cat, -0.5 * cat) == pytest.approx(0, abs=1e-3)
    assert content.edge_distance(cat, coffee) > 0.7
    assert content.edge_distance(cat, cat.flip(3)) > 0.4


def test_edge_distance_grows_with_noise(cat):
    noise = torch.randn(cat.shape, generator=torch.Generator().manual_seed(0))
    distances = [content.edge_distance(cat, (cat + amount * noise).clamp(-1, 1)) for amount in (0.0, 0.3, 0.9)]
    assert distances == sorted(distances)


def test_self_similarity_is_the_cosine_similarity_of_pooled_cells(mean_colours, coffee):
    cells = functional.adaptive_avg_pool2d(coffee, 8)[0].flatten(1).T.numpy()
    cells = cells / np.linalg.norm(cells, axis=1, keepdims=True)
    expected = (cells @ cells.T)[np.triu_indices(64, 1)]
    np.testing.assert_allclose(content.self_similarity(mean_colours, coffee).numpy(), expected, atol=1e-5)


def test_self_similarity_is_invariant_to_a_rotation_of_all_embeddings(mean_colours, cat, coffee):
    rotated = coffee[:, [2, 0, 1]]
    assert content.self_similarity_distance(mean_colours, coffee, rotated) == pytest.approx(0, abs=1e-6)
    assert content.self_similarity_distance(mean_colours, coffee, cat) > 0.2


def test_images_of_different_shapes_are_compared_as_squares(cat, coffee):
    wide = coffee[..., :128, :]
    square = resize(wide, 256, 256)
    assert content.edge_distance(wide, square) < 0.01
    assert content.edge_distance(wide, cat) == pytest.approx(content.edge_distance(square, cat), abs=0.01)
