"""Scale and shift say what was said by adding, and a U-Net carried over paints as the old one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from miniature import clip, diffusion, modulation


def test_what_is_added_before_a_norm_is_a_scale_and_a_shift_after_it() -> None:
    torch.manual_seed(0)
    norm = nn.GroupNorm(4, 16)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x, added = 0.3 + 2 * torch.randn(3, 16, 5, 7), torch.randn(3, 16)
    with torch.no_grad():
        scale, shift = modulation.as_scale_and_shift(norm, x, added)[..., None, None].chunk(2, 1)
        torch.testing.assert_close(norm(x) * (1 + scale) + shift, norm(x + added[..., None, None]))


def samples(count: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Latents under one of three prompts."""
    torch.manual_seed(9)
    prompts = torch.randn(3, 6, clip.WIDTH)
    torch.manual_seed(seed)
    for _ in range(count):
        yield torch.randn(8, 4, 8, 8), torch.randint(0, 1000, (8,)), prompts[torch.randint(0, 3, (8,))]


def test_a_unet_carried_over_does_as_the_old_one_did() -> None:
    torch.manual_seed(1)
    new, old = (diffusion.build((32, 64, 64), scaled=scaled).eval() for scaled in (True, False))
    nn.init.ones_(old.add_embedding.norm2.weight)  # a prompt that says something
    for block in modulation.blocks(old).values():
        assert block.time_emb_proj is not None
        nn.init.normal_(block.time_emb_proj.weight, std=0.3)
    assert modulation.carry_over(old, new, samples(150, 2), rounds=1500) < 0.05
    xt, t, states = next(samples(1, 3))
    with torch.no_grad():
        wanted, got = (unet(xt, t, encoder_hidden_states=states).sample for unet in (old, new))
        elsewhere = old(xt, 999 - t, encoder_hidden_states=states.flip(0)).sample
    assert (got - wanted).norm() < 0.3 * (elsewhere - wanted).norm()
