"""A generator of 16 pixels with random weights."""

import pytest
import torch
from support.stylegan2 import NARROW

from inst.gan.generator import Generator


@pytest.fixture
def narrow():
    """Frozen; noise has an effect and the average is not 0."""
    rng = torch.Generator().manual_seed(0)
    generator = Generator(NARROW).initialise(rng)
    with torch.no_grad():
        for conv in generator.convs:
            conv.noise_strength.fill_(0.3)
            conv.bias.normal_(generator=rng)
        generator.latent_avg.normal_(generator=rng)
    return generator.requires_grad_(False).eval()


@pytest.fixture
def z():
    return torch.randn(3, NARROW.z_width, generator=torch.Generator().manual_seed(7))
