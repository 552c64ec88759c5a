"""Test doubles: a CLIP that is a linear map of pixels, and a generator that is a linear map of codes."""

import torch
from torch import nn

from inst.clip.backbone import Preprocessing


class TinyClip:
    """A `ClipBackbone` whose image embedding is a fixed linear map of the preprocessed image."""

    name, embed_dim = "tiny", 6

    def __init__(self, image_size=32):
        generator = torch.Generator().manual_seed(3)
        self.image_size = image_size
        self.preprocessing = Preprocessing(size=image_size)
        self.map = torch.randn(3 * 16, self.embed_dim, generator=generator)
        self.seen = None

    def embed_images(self, images):
        self.seen = self.preprocessing(images)
        return nn.functional.adaptive_avg_pool2d(self.seen, 4).flatten(1) @ self.map

    def embed_patches(self, images):
        raise NotImplementedError

    def embed_both(self, images):
        raise NotImplementedError

    def embed_text(self, texts):
        return torch.stack(
            [torch.randn(self.embed_dim, generator=torch.Generator().manual_seed(sum(t.encode()))) for t in texts]
        )


class TinyGenerator:
    """A generator of 16 px images: a fixed linear map of all values of the codes, W+ or StyleSpace."""

    def __init__(self, width, side=16):
        generator = torch.Generator().manual_seed(4)
        self.map = torch.randn(width, 3 * 4 * 4, generator=generator) / width**0.5
        self.side = side
        self.calls = []

    def __call__(self, codes):
        flat = torch.cat([code.flatten(1) for code in codes], dim=1)
        self.calls.append([code.detach().clone() for code in codes])
        small = (flat @ self.map).tanh().view(-1, 3, 4, 4)
        return nn.functional.interpolate(small, size=self.side, mode="bilinear")
