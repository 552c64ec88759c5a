"""Photos that scikit-image packages, and a CLIP whose embeddings are mean colours."""

from collections.abc import Callable, Sequence

import pytest
import torch
from skimage import data
from torch.nn import functional


class MeanColours:
    """A ``ClipBackbone`` that embeds a picture as its mean colour, and each cell of a 16×16 grid as its own."""

    name, embed_dim, image_size = "mean colours", 3, 16

    def embed_images(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))

    def embed_patches(self, images: torch.Tensor) -> torch.Tensor:
        return functional.adaptive_avg_pool2d(images, self.image_size).flatten(2).transpose(1, 2)

    def embed_both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.embed_images(images), self.embed_patches(images)

    def embed_text(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.ones(len(texts), 3)


@pytest.fixture
def mean_colours() -> MeanColours:
    return MeanColours()


@pytest.fixture(scope="session")
def photo() -> Callable[..., torch.Tensor]:
    """``photo(name, side=256)``: one of scikit-image's photos, a square (1, 3, side, side) in [-1, 1]."""

    def read(name: str, side: int = 256) -> torch.Tensor:
        array = torch.from_numpy(getattr(data, name)().copy()).float().permute(2, 0, 1)[None] / 127.5 - 1
        short = min(array.shape[-2:])
        square = array[..., :short, :short]
        return functional.interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(-1, 1)

    return read


@pytest.fixture(scope="session")
def cat(photo: Callable[..., torch.Tensor]) -> torch.Tensor:
    return photo("chelsea")


@pytest.fixture(scope="session")
def coffee(photo: Callable[..., torch.Tensor]) -> torch.Tensor:
    return photo("coffee")
