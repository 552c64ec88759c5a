"""A 16 px generator with random weights, and landmarks of a schematic face."""

import numpy as np
import pytest
import torch
from support.stylegan2 import NARROW

from inst.gan.generator import Generator


@pytest.fixture
def narrow():
    """A frozen generator whose noise strengths, biases and average w are not 0."""
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


@pytest.fixture
def face_at():
    """``face_at(centre, eye_distance, angle)``: landmarks of a face with eyes, mouth corners and tip of the nose."""

    def make(centre, eye_distance, angle=0.0):
        points = np.zeros((68, 2))
        points[:36, 0] = np.linspace(-1, 1, 36)
        points[36:42] = (-0.5, 0)
        points[42:48] = (0.5, 0)
        points[48:] = (0, 1)
        points[30], points[48], points[54] = (0, 0.5), (-0.4, 1), (0.4, 1)
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return points * eye_distance @ rotation + np.asarray(centre, float)

    return make
