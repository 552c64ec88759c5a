"""The generator: its latent spaces agree, randomness is an argument, mismatched codes are refused."""

import pytest
import torch
from support.stylegan2 import NARROW
from torch.testing import assert_close

from inst.errors import ConfigError, ModelError
from inst.gan.architecture import GeneratorConfig
from inst.gan.generator import Generator
from inst.gan.latent_space import join_styles, mix, split_styles, truncate
from inst.placement import Placement
from inst.seeds import generator as rng_of

FFHQ = GeneratorConfig(channels=(512, 512, 512, 512, 512, 256, 128, 64, 32), mapping_widths=(512,) * 9)


def test_stylespace_of_the_published_model():
    """StyleSpace has 9088 channels at 1024 px, 6048 of them on convolutions (Wu et al. 2021)."""
    assert (FFHQ.resolution, FFHQ.num_layers, FFHQ.num_convs) == (1024, 18, 17)
    assert FFHQ.style_widths == (512,) * 15 + (256,) * 3 + (128,) * 3 + (64,) * 3 + (32,) * 2
    assert [i for i, layer in enumerate(FFHQ.style_layers) if layer.kind == "to_rgb"] == list(range(1, 26, 3))
    assert [layer.w_index for layer in FFHQ.style_layers[:9]] == [0, 1, 1, 2, 3, 3, 4, 5, 5]
    assert FFHQ.style_layers[-1].w_index == 17


def test_w_and_w_plus_and_stylespace_give_the_same_image(narrow, z):
    w = narrow.map(z)
    picture = narrow(w)
    assert picture.shape == (3, 3, 16, 16)
    assert_close(narrow(narrow.to_w_plus(w)), picture, atol=0, rtol=0)
    assert_close(narrow.synthesize(narrow.styles(w)), picture, atol=0, rtol=0)
    assert (picture[0] - picture[1]).abs().mean() > 0.01


def test_a_layer_of_w_plus_affects_only_its_own_styles(narrow, z):
    w_plus = narrow.to_w_plus(narrow.map(z)).clone()
    before = narrow.styles(w_plus)
    w_plus[:, 3] += 1
    changed = [not torch.equal(a, b) for a, b in zip(before, narrow.styles(w_plus), strict=True)]
    assert changed == [layer.w_index == 3 for layer in NARROW.style_layers]
    assert sum(changed) == 2


@pytest.mark.parametrize("noise", ["fixed", "none"])
def test_both_forms_of_the_convolution_give_the_same_image(narrow, z, noise):
    pictures = []
    for form in ("scaled", "grouped", None):
        narrow.form = form
        pictures.append(narrow(narrow.map(z), noise))
    assert_close(pictures[0], pictures[1], atol=1e-5, rtol=1e-4)
    assert_close(pictures[0], pictures[2], atol=1e-5, rtol=1e-4)


def test_an_image_does_not_depend_on_its_batch(narrow, z):
    w = narrow.map(z)
    together = narrow(w, [rng_of(4), rng_of(5), rng_of(6)])
    alone = torch.cat([narrow(w[i : i + 1], [rng_of(4 + i)]) for i in range(3)])
    assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(narrow(w[:1], [rng_of(4)]), narrow(w[:1], [rng_of(9)]), atol=1e-3)


def test_fixed_noise_is_deterministic_and_no_noise_equals_strength_zero(narrow, z):
    w = narrow.map(z)
    fixed, none = narrow(w), narrow(w, "none")
    assert torch.equal(fixed, narrow(w))
    assert not torch.allclose(fixed, none, atol=1e-3)
    for conv in narrow.convs:
        conv.noise_strength.fill_(0)
    assert_close(narrow(w), none)
    with pytest.raises(ConfigError, match="2 noise generators were given for 3 images"):
        narrow(w, [rng_of(0), rng_of(1)])


def test_truncation_interpolates_towards_the_average(narrow, z):
    w_plus = narrow.to_w_plus(narrow.map(z))
    average = narrow.latent_avg
    assert_close(narrow.truncate(w_plus, 0.0), average.expand_as(w_plus))
    assert_close(narrow.truncate(w_plus, 1.0), w_plus)
    assert_close(narrow.truncate(narrow.map(z), 0.7), average + 0.7 * (w_plus - average))
    partly = narrow.truncate(w_plus, 0.5, cutoff=2)
    assert_close(partly[:, :2], average + 0.5 * (w_plus[:, :2] - average))
    assert torch.equal(partly[:, 2:], w_plus[:, 2:])


@pytest.mark.parametrize("cutoff", [-1, 7])
def test_a_cutoff_outside_the_layers_is_refused(narrow, z, cutoff):
    with pytest.raises(ConfigError, match=f"cutoff {cutoff} is out of range: this generator has layers 0 to 6"):
        truncate(narrow.to_w_plus(narrow.map(z)), narrow.latent_avg, 0.7, cutoff)


def test_style_mixing_takes_coarse_layers_from_the_first_code(narrow, z):
    w_plus = narrow.to_w_plus(narrow.map(z))
    mixed = mix(w_plus[:1], w_plus[1:2], 2)
    assert torch.equal(mixed[:, :2], w_plus[:1, :2])
    assert torch.equal(mixed[:, 2:], w_plus[1:2, 2:])
    with pytest.raises(ConfigError, match="layer 7 is out of range"):
        mix(w_plus, w_plus, 7)


def test_joining_and_splitting_styles_are_inverse(narrow, z):
    styles = narrow.styles(narrow.map(z))
    flat = join_styles(styles)
    assert flat.shape == (3, sum(NARROW.style_widths))
    assert all(torch.equal(a, b) for a, b in zip(split_styles(flat, NARROW), styles, strict=True))
    with pytest.raises(ConfigError, match="style channels were given and this 16 px generator has"):
        split_styles(flat[:, 1:], NARROW)


def test_codes_of_another_generator_are_refused(narrow, z):
    w = narrow.map(z)
    with pytest.raises(ConfigError, match=r"\(3, 18, 7\) does not fit this 16 px generator.*W\+ \(batch, 6, 7\)"):
        narrow(w[:, None].expand(-1, 18, -1))
    with pytest.raises(ConfigError, match="does not fit"):
        narrow(torch.zeros(1, 8))
    with pytest.raises(ConfigError, match="z of width 5 does not fit: this generator takes width 7"):
        narrow.map(torch.zeros(1, 5))
    with pytest.raises(ConfigError, match=r"7 style vectors .* it takes 8"):
        narrow.synthesize(narrow.styles(w)[:-1])
    with pytest.raises(ConfigError, match="do not fit"):
        narrow.synthesize([*narrow.styles(w)[:-1], torch.zeros(3, 6)])
    with pytest.raises(ConfigError, match="it takes 8"):
        narrow.synthesize([])


def test_gradients_reach_the_styles_but_no_weights(narrow, z):
    styles = [style.clone().requires_grad_() for style in narrow.styles(narrow.map(z[:1]))]
    narrow.synthesize(styles).mean().backward()
    assert all(style.grad is not None and style.grad.abs().sum() > 0 for style in styles)
    assert all(parameter.grad is None for parameter in narrow.parameters())


def test_bfloat16_weights_give_a_similar_image_in_float32(narrow, z):
    w = narrow.map(z)
    exact = narrow(w)
    rough = narrow.place(Placement(torch.device("cpu"), torch.bfloat16))(w)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().mean() < 0.02 * exact.std()
    assert narrow.convs[0].affine.weight.dtype == torch.float32


def clamped(narrow, clamp):
    config = GeneratorConfig(channels=NARROW.channels, mapping_widths=NARROW.mapping_widths, conv_clamp=clamp)
    return Generator.from_state(config, narrow.state_dict())


def test_the_clamp_bounds_every_layer(narrow, z):
    w = narrow.map(z)
    assert_close(clamped(narrow, 1e4)(w), narrow(w))
    assert not torch.allclose(clamped(narrow, 0.5)(w), narrow(w), atol=1e-2)
    bounded, largest = clamped(narrow, 1e-3), []
    for conv in bounded.convs:
        conv.register_forward_hook(lambda module, inputs, output: largest.append(output.abs().max().item()))
    # Three to-RGB layers of at most 1e-3 each; upsampling increases them by rounding errors at most.
    assert bounded(w).abs().max() <= 3e-3 * 1.001
    assert largest == pytest.approx([1e-3] * 5)


def test_initialisation_is_reproducible_and_has_unit_scale():
    first, again, other = (Generator(NARROW).initialise(rng_of(seed)) for seed in (1, 1, 2))
    w = torch.randn(64, 7, generator=rng_of(3))
    assert torch.equal(first(w), again(w))
    assert not torch.allclose(first(w), other(w), atol=1e-2)
    assert 0.3 < first.map(torch.randn(64, 7, generator=rng_of(3))).std() < 3
    assert join_styles(first.styles(torch.zeros(1, 7))).tolist() == [[1.0] * sum(NARROW.style_widths)]


@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": ()},
        {"channels": (8, 0)},
        {"channels": (1,) * 12},
        {"mapping_widths": (7,)},
        {"mapping_rate": 0.0},
        {"mapping_rate": float("nan")},
        {"conv_clamp": -1.0},
    ],
)
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ModelError, match="is not possible"):
        GeneratorConfig(**{"channels": (8,), "mapping_widths": (7, 7)} | sizes)
