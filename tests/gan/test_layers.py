"""The layers against literal implementations of the papers' equations, one image and one step at a time."""

import math

import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu, pad
from torch.testing import assert_close

from inst.gan.equalized import EqualLinear
from inst.gan.layers import FIR, GAIN, activate, choose_form, modulated_conv, pixel_norm, upsample


def filtered(x, padding):
    """Zeros inserted between pixels, padding, then the FIR filter with gain 4 on each channel."""
    batch, channels, h, w = x.shape
    dilated = torch.zeros(batch, channels, 2 * h, 2 * w)
    dilated[:, :, ::2, ::2] = x
    return blurred(pad(dilated, padding))


def blurred(x):
    kernel = torch.outer(torch.tensor(FIR), torch.tensor(FIR)) / sum(FIR) ** 2 * 4
    return torch.stack([conv2d(x[:, i : i + 1], kernel[None, None])[:, 0] for i in range(x.shape[1])], dim=1)


def reference_conv(x, weight, style, demodulate, up):
    """Equations 1 and 3 of Karras et al. 2020 as written, for one image."""
    modulated = weight / math.sqrt(weight[0].numel()) * style[:, None, None]
    if demodulate:
        modulated = modulated / torch.sqrt(modulated.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
    if not up:
        return conv2d(x[None], modulated, padding=weight.shape[-1] // 2)
    dilated = torch.zeros(1, x.shape[0], 2 * x.shape[1] - 1, 2 * x.shape[2] - 1)
    dilated[:, :, ::2, ::2] = x
    return blurred(pad(conv2d(pad(dilated, (2, 2, 2, 2)), modulated.flip(2, 3)), (1, 1, 1, 1)))


def tensors(size):
    rng = torch.Generator().manual_seed(1)
    x, style = torch.randn(3, 4, 6, 6, generator=rng), 1 + 0.5 * torch.randn(3, 4, generator=rng)
    return x, torch.randn(5, 4, size, size, generator=rng), style


@pytest.mark.parametrize("form", ["scaled", "grouped", None])
@pytest.mark.parametrize(("size", "demodulate", "up"), [(3, True, False), (3, True, True), (1, False, False)])
def test_each_form_of_the_convolution_matches_the_equations(size, demodulate, up, form):
    x, weight, style = tensors(size)
    expected = torch.cat([reference_conv(x[i], weight, style[i], demodulate, up) for i in range(3)])
    y = modulated_conv(x, weight, style, demodulate=demodulate, up=up, gain=1.5, form=form)
    assert_close(y, 1.5 * expected, atol=1e-5, rtol=1e-5)


def test_gradients_of_styles_do_not_depend_on_the_form():
    x, weight, style = tensors(3)
    gradients = []
    for form in ("scaled", "grouped"):
        leaf = style.clone().requires_grad_()
        modulated_conv(x, weight, leaf, up=True, form=form).square().sum().backward()
        gradients.append(leaf.grad)
    assert_close(gradients[0], gradients[1], atol=1e-3, rtol=1e-4)
    assert gradients[0].abs().max() > 0.1


def test_the_grouped_form_is_chosen_for_a_single_image_without_gradients():
    x, _, style = tensors(3)
    with_grad = style[:1].clone().requires_grad_()
    assert choose_form(x[:1], style[:1]) == "grouped"
    assert choose_form(x, style) == "scaled"
    assert choose_form(x[:1], with_grad) == "scaled"
    with torch.no_grad():
        assert choose_form(x[:1], with_grad) == "grouped"


def test_upsampling_inserts_zeros_and_filters():
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(2))
    assert_close(upsample(x), filtered(x, (2, 1, 2, 1)), atol=1e-6, rtol=1e-6)
    assert_close(upsample(torch.ones(1, 1, 6, 6))[..., 2:-2, 2:-2], torch.ones(1, 1, 8, 8))


def test_activation_has_the_gain_and_clamps_its_output():
    x = torch.tensor([-2.0, -0.1, 0.5, 3.0])
    assert_close(activate(x * GAIN), leaky_relu(x, 0.2) * math.sqrt(2))
    assert activate(x * GAIN, 0.4).tolist() == pytest.approx([-0.4, -0.1 * 0.2 * GAIN, 0.4, 0.4])


def test_normalised_latents_have_a_mean_square_of_one():
    z = torch.tensor([[3.0, 4.0], [0.1, 0.0]])
    assert_close(pixel_norm(z).square().mean(dim=1), torch.ones(2), atol=1e-5, rtol=0)


def test_equalised_weights_are_scaled_by_fan_in_and_multiplier():
    layer = EqualLinear(4, 1, lr_mul=0.5)
    layer.weight.data.fill_(3)
    layer.bias.data.fill_(8)
    assert layer(torch.ones(1, 4)).item() == pytest.approx(4 * 3 * 0.5 / 2 + 8 * 0.5)
