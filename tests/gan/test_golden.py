"""StyleGAN2 against the outputs of the published implementation."""

import pytest
import torch
from support.stylegan2 import shapes_of
from torch.testing import assert_close

from inst.gan.architecture import GeneratorConfig
from inst.gan.checkpoints.assemble import complete
from inst.gan.checkpoints.rosinality import from_rosinality
from inst.gan.generator import Generator
from inst.gan.latent_space import join_styles

TOLERANCE = {"atol": 2e-3, "rtol": 1e-4}
CONFIG = GeneratorConfig(channels=(512,) * 5, mapping_widths=(512,) * 9)


@pytest.fixture(scope="module")
def generator(fill):
    empty = {name: torch.empty(shape, device="meta") for name, shape in shapes_of(CONFIG).items()}
    state = fill.fill_state_dict(empty) | {"latent_avg": 0.2 * fill.fill("latent_avg", (1, 512))}
    return Generator.from_state(CONFIG, complete(CONFIG, from_rosinality(state)))


def test_images_from_truncated_z(generator, golden, fill):
    expected = golden("stylegan2")
    w_plus = generator.truncate(generator.map(fill.fill("a/z", (2, 512))), 0.7)
    assert_close(w_plus[:, 3], expected["w_plus_from_z"], **TOLERANCE)
    assert_close(generator(w_plus), expected["image_from_z"], **TOLERANCE)


@pytest.mark.parametrize("form", ["scaled", "grouped"])
def test_images_from_w_plus_with_both_forms_of_the_convolution(generator, golden, fill, monkeypatch, form):
    monkeypatch.setattr(generator, "form", form)
    image = generator(fill.fill("a/w_plus", (1, 10, 512)))
    assert_close(image, golden("stylegan2")["image_from_w_plus"], **TOLERANCE)


def test_images_from_stylespace(generator, golden, fill):
    expected = golden("stylegan2")
    styles = generator.styles(fill.fill("a/w_plus", (1, 10, 512)))
    assert_close(join_styles(styles)[0], expected["styles_from_w_plus"], **TOLERANCE)
    shifts = [0.5 * fill.fill(f"a/shift.{i}", (1, 1, s.shape[1], 1, 1)).flatten(1) for i, s in enumerate(styles)]
    shifted = [style + shift for style, shift in zip(styles, shifts, strict=True)]
    assert_close(generator.synthesize(shifted), expected["image_from_stylespace"], **TOLERANCE)
