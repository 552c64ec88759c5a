"""Layout distances against NumPy and SciPy, and against what each is meant to see or to ignore."""

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel
from scipy.stats import pearsonr
from torch.nn import functional

from inst.metrics import content
from inst.metrics.style import luminance


def test_correlation_is_pearsons():
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    ours = content.pearson_correlation(torch.from_numpy(first), torch.from_numpy(second))
    assert ours == pytest.approx(pearsonr(first, second).statistic)


def test_correlation_of_what_does_not_vary():
    flat, ramp = torch.ones(8), torch.arange(8.0)
    assert content.pearson_correlation(flat, ramp) == 0
    assert content.pearson_correlation(flat, flat) == 1


def test_edges_are_scipys_sobel_magnitude():
    image = torch.randn(1, 3, 64, 64).clamp(-1, 1)
    grey = luminance(image)[0, 0].numpy()
    expected = np.hypot(sobel(grey, 0), sobel(grey, 1))[1:-1, 1:-1] / 8
    np.testing.assert_allclose(content.edge_map(image, 64).numpy(), expected, atol=1e-5)


def test_edge_distance_ignores_colour_and_sees_layout(cat, coffee):
    assert content.edge_distance(cat, cat) == pytest.approx(0, abs=1e-6)
    assert content.edge_distance(cat, -0.5 * cat) == pytest.approx(0, abs=1e-3)
    assert content.edge_distance(cat, coffee) > 0.7
    assert content.edge_distance(cat, cat.flip(3)) > 0.4


def test_edge_distance_grows_with_noise(cat):
    noise = torch.randn(cat.shape, generator=torch.Generator().manual_seed(0))
    distances = [content.edge_distance(cat, (cat + amount * noise).clamp(-1, 1)) for amount in (0.0, 0.3, 0.9)]
    assert distances == sorted(distances)


def test_self_similarity_is_the_cosine_table_of_pooled_cells(mean_colours, coffee):
    cells = functional.adaptive_avg_pool2d(coffee, 8)[0].flatten(1).T.numpy()
    cells = cells / np.linalg.norm(cells, axis=1, keepdims=True)
    expected = (cells @ cells.T)[np.triu_indices(64, 1)]
    np.testing.assert_allclose(content.self_similarity(mean_colours, coffee).numpy(), expected, atol=1e-5)


def test_self_similarity_ignores_a_turn_of_all_embeddings(mean_colours, cat, coffee):
    turned = coffee[:, [2, 0, 1]]
    assert content.self_similarity_distance(mean_colours, coffee, turned) == pytest.approx(0, abs=1e-6)
    assert content.self_similarity_distance(mean_colours, coffee, cat) > 0.2


def test_pictures_of_two_shapes_compare(cat, coffee):
    assert 0 <= content.edge_distance(coffee[..., :128, :], cat) <= 2
