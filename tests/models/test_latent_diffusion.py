"""`LatentDiffusion`: prediction types, noise schedules, gradients, and decoding."""

from dataclasses import replace

import pytest
import torch

from inst.errors import ModelError
from inst.models.latent_diffusion import alphas_cumprod, noise_from_v
from inst.placement import Placement

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def test_noise_from_v_inverts_the_definition():
    """v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0, x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps."""
    x0, eps = torch.randn(2, 3, 4, 4, 4, dtype=torch.float64)
    alpha_bar = torch.tensor([0.9991, 0.3, 0.0], dtype=torch.float64).view(3, 1, 1, 1)
    v = alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x0
    xt = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
    torch.testing.assert_close(noise_from_v(v, xt, alpha_bar), eps)


def test_a_v_prediction_model_is_converted_to_noise(model):
    """The same U-Net with ``v_prediction``, and a different timestep for each element of the batch."""
    latents, conditioning = torch.randn(2, 4, 8, 8), model.text.encode_prompt(["a", "b"])
    timesteps = torch.tensor([1, 900])
    raw = model.predict_noise(latents, timesteps, conditioning)
    alpha_bar = model.alphas_cumprod[timesteps].view(2, 1, 1, 1)
    expected = alpha_bar.sqrt() * raw + (1 - alpha_bar).sqrt() * latents
    torch.testing.assert_close(
        replace(model, prediction_type="v_prediction").predict_noise(latents, timesteps, conditioning), expected
    )


def test_the_schedule_of_stable_diffusion_has_its_closed_form():
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    torch.testing.assert_close(alphas_cumprod(SD).double(), torch.cumprod(1 - betas, 0), rtol=1e-5, atol=1e-7)


def test_other_schedules():
    betas = [0.1, 0.2, 0.5]
    own = {"trained_betas": betas, "num_train_timesteps": 3}
    torch.testing.assert_close(alphas_cumprod(own), torch.tensor([0.9, 0.72, 0.36]))
    zero = alphas_cumprod(SD | {"rescale_betas_zero_snr": True})
    plain = alphas_cumprod(SD)
    # Lin et al. 2023 (arXiv 2305.08891), algorithm 1: sqrt(alpha_bar) shifted to end at 0, scaled to keep its start
    root = plain.sqrt()
    expected = (root - root[-1]) * root[0] / (root[0] - root[-1])
    torch.testing.assert_close(zero, expected.square(), rtol=1e-3, atol=1e-6)
    assert zero[-1] == 0
    assert alphas_cumprod(SD | {"beta_schedule": "linear", "skip_prk_steps": True})[0] == pytest.approx(1 - 0.00085)
    with pytest.raises(ModelError, match="schedule"):
        alphas_cumprod(SD | {"beta_schedule": "cubic"})


def test_eps_model_broadcasts_one_conditioning_over_the_batch(model):
    conditioning = model.text.encode_prompt(["a boat"])
    latents, timesteps = torch.randn(3, 4, 8, 8), torch.tensor([5, 50, 500])
    together = model.eps_model(conditioning)(latents, timesteps)
    each = [model.predict_noise(latents[i : i + 1], timesteps[i : i + 1], conditioning) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(each), rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_token_vectors_through_the_unet(model):
    vectors = torch.randn(2, model.text.token_dim, requires_grad=True)
    conditioning = model.text.encode_prompt(["[C]"], {"[C]": vectors})
    model.predict_noise(torch.randn(1, 4, 8, 8), torch.tensor([500]), conditioning).square().mean().backward()
    assert vectors.grad.abs().sum(dim=1).min() > 0
    assert all(parameter.grad is None for parameter in model.unet.parameters())


def test_no_graph_is_built_without_trainable_inputs(model):
    assert not model.encode(torch.zeros(1, 3, 64, 64)).requires_grad
    assert not model.predict_noise(
        torch.zeros(1, 4, 8, 8), torch.tensor([1]), model.text.encode_prompt([""])
    ).requires_grad


def test_decoding_is_repeated_in_float32_after_an_overflow(model, monkeypatch):
    """A decoder that overflows in half precision is run again in float32, and its dtype is restored."""
    half = replace(model, placement=Placement(model.placement.device, torch.bfloat16))
    latents = torch.randn(1, 4, 8, 8)
    expected = model.decode(latents)
    decoder = model.vae.decoder
    forward = decoder.forward

    def overflows_in_half(sample, *rest):
        result = forward(sample, *rest)
        return result if sample.dtype == torch.float32 else result / 0

    monkeypatch.setattr(decoder, "forward", overflows_in_half)
    weights = {name: value.clone() for name, value in model.vae.state_dict().items()}
    model.vae.to(torch.bfloat16)
    try:
        with pytest.warns(UserWarning, match="float32"):
            found = half.decode(latents)
        assert model.vae.dtype == torch.bfloat16
    finally:
        model.vae.to(torch.float32).load_state_dict(weights)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_tiling_applies_to_one_call_only(model):
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    assert model.encode(images, tiled=True).shape == (1, 4, 8, 8)
    assert model.decode(torch.randn(1, 4, 8, 8), tiled=True).shape == (1, 3, 64, 64)
    assert model.vae.use_tiling is False
