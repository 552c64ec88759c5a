"""Blockwise attention for CPUs against torch's own, forward and backward, and in a U-Net."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from inst.models import cpu_attention
from inst.models.cpu_attention import BlockAttnProcessor, attend


@pytest.mark.parametrize("block", [1 << 20, 100, 60])
@pytest.mark.parametrize("shape", [(1, 3, 50, 50, 8), (2, 4, 20, 7, 16)])
def test_outputs_and_gradients_match_torch(shape, block, monkeypatch):
    monkeypatch.setattr(cpu_attention, "BLOCK", block)
    b, heads, positions, keys, width = shape
    sizes = [(b, heads, n, width) for n in (positions, keys, keys)]
    tensors = [torch.randn(size, dtype=torch.double, requires_grad=True) for size in sizes]
    ours, torchs = attend(*tensors), scaled_dot_product_attention(*tensors)
    assert_close(ours, torchs)
    upstream = torch.randn_like(ours)
    gradients = [torch.autograd.grad(out, tensors, upstream) for out in (ours, torchs)]
    for mine, theirs in zip(*gradients, strict=True):
        assert_close(mine, theirs)


def test_a_unet_gives_the_same_output_with_it():
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=16, attention_head_dim=4,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()  # fmt: skip
    inputs = torch.randn(2, 4, 16, 16), torch.tensor([5, 500]), torch.randn(2, 7, 16)
    with torch.no_grad():
        before = unet(*inputs).sample
        unet.set_attn_processor(BlockAttnProcessor())
        assert_close(unet(*inputs).sample, before, atol=1e-5, rtol=1e-4)
