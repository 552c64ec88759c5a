"""Layout distances against NumPy and SciPy, and against what each is meant to see or to ignore."""

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel
from scipy.stats import pearsonr
from skimage import data
from torch.nn import functional

from inst.metrics import content
from inst.metrics.style import luminance


def photo(name: str) -> torch.Tensor:
    """One of scikit-image's packaged photos as (1, 3, 256, 256) in [-1, 1]."""
    array = torch.from_numpy(getattr(data, name)().copy()).float().permute(2, 0, 1)[None] / 127.5 - 1
    short = min(array.shape[-2:])
    return functional.interpolate(array[..., :short, :short], (256, 256), mode="bicubic", antialias=True).clamp(-1, 1)


class MeanColours:
    """A backbone whose patch tokens are the mean colours of a 16×16 grid, shifted to be distinct directions."""

    def embed_patches(self, images: torch.Tensor) -> torch.Tensor:
        return functional.adaptive_avg_pool2d(images, 16).flatten(2).transpose(1, 2)


def test_correlation_is_pearsons():
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    ours = content.correlation(torch.from_numpy(first), torch.from_numpy(second))
    assert ours == pytest.approx(pearsonr(first, second).statistic)


def test_correlation_of_what_does_not_vary():
    flat, ramp = torch.ones(8), torch.arange(8.0)
    assert content.correlation(flat, ramp) == 0
    assert content.correlation(flat, flat) == 1


def test_edges_are_scipys_sobel_magnitude():
    image = torch.randn(1, 3, 64, 64).clamp(-1, 1)
    grey = luminance(image)[0, 0].numpy()
    expected = np.hypot(sobel(grey, 0), sobel(grey, 1))[1:-1, 1:-1] / 8
    np.testing.assert_allclose(content.edges(image, 64).numpy(), expected, atol=1e-5)


def test_edge_distance_ignores_colour_and_sees_layout():
    cat, coffee = photo("chelsea"), photo("coffee")
    assert content.edge_distance(cat, cat) == pytest.approx(0, abs=1e-6)
    assert content.edge_distance(cat, -0.5 * cat) == pytest.approx(0, abs=1e-3)
    assert content.edge_distance(cat, coffee) > 0.7
    assert content.edge_distance(cat, cat.flip(3)) > 0.4


def test_edge_distance_grows_with_noise():
    cat = photo("chelsea")
    noise = torch.randn(cat.shape, generator=torch.Generator().manual_seed(0))
    distances = [content.edge_distance(cat, (cat + amount * noise).clamp(-1, 1)) for amount in (0.0, 0.3, 0.9)]
    assert distances == sorted(distances)


def test_self_similarity_is_the_cosine_table_of_pooled_cells():
    image = photo("coffee")
    cells = functional.adaptive_avg_pool2d(image, 8)[0].flatten(1).T.numpy()
    cells = cells / np.linalg.norm(cells, axis=1, keepdims=True)
    expected = (cells @ cells.T)[np.triu_indices(64, 1)]
    np.testing.assert_allclose(content.self_similarity(MeanColours(), image).numpy(), expected, atol=1e-5)


def test_self_similarity_ignores_a_turn_of_all_embeddings():
    image = photo("coffee")
    assert content.self_similarity_distance(MeanColours(), image, image[:, [2, 0, 1]]) == pytest.approx(0, abs=1e-6)
    assert content.self_similarity_distance(MeanColours(), image, photo("chelsea")) > 0.2


def test_pictures_of_two_shapes_compare():
    assert 0 <= content.edge_distance(photo("coffee")[..., :128, :], photo("chelsea")) <= 2
