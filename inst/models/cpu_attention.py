"""Block-wise attention for CPUs with native bfloat16 but no AMX, where torch's own is no faster than in float32.

`python -m experiments.attention` compares the two. :func:`use_block_attention_where_faster` enables it in the U-Net.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from inst.placement import Placement

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

BLOCK = 1 << 20
"""Number of attention scores computed at a time: 2 MB in bfloat16, about the size of a core's second-level cache."""


class BlockAttention(torch.autograd.Function):
    """``softmax(q kᵀ) v`` for tensors (heads, positions, width), where ``q`` is already scaled.

    The backward pass recomputes the scores block by block, as in FlashAttention (Dao et al. 2022).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = torch.empty_like(q)
        for heads, rows in _blocks(q.shape, k.shape[1]):
            out[heads, rows] = _weights(q, k, heads, rows) @ v[heads]
        ctx.save_for_backward(q, k, v, out)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (grad,) = grad_outputs
        q, k, v, out = ctx.saved_tensors
        inner = (grad * out).sum(-1, keepdim=True)
        sum_dtype = torch.promote_types(k.dtype, torch.float32)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k, dtype=sum_dtype), torch.zeros_like(v, dtype=sum_dtype)
        for heads, rows in _blocks(q.shape, k.shape[1]):
            weights, block_grad = _weights(q, k, heads, rows), grad[heads, rows]
            dv[heads] += weights.mT @ block_grad
            scores_grad = (block_grad @ v[heads].mT).sub_(inner[heads, rows]).mul_(weights)
            dq[heads, rows] = scores_grad @ k[heads]
            dk[heads] += scores_grad.mT @ q[heads, rows]
        return dq, dk.to(k), dv.to(v)


def _blocks(shape: torch.Size, keys: int) -> list[tuple[slice | int, slice]]:
    """Blocks of at most ``BLOCK`` scores: several heads at once if they fit, else some rows of one head."""
    heads, positions, _ = shape
    num_heads, rows = max(1, BLOCK // (positions * keys)), min(positions, max(1, BLOCK // keys))
    # A single head is indexed as a matrix, not as a batch of one: oneDNN multiplies transposed matrices several times
    # faster than transposed batches.
    groups = [slice(head, head + num_heads) if num_heads > 1 else head for head in range(0, heads, num_heads)]
    return [(head, slice(row, row + rows)) for head in groups for row in range(0, positions, rows)]


def _weights(q: Tensor, k: Tensor, heads: slice | int, rows: slice) -> Tensor:
    return (q[heads, rows] @ k[heads].mT).softmax(-1)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Block-wise ``scaled_dot_product_attention`` without mask and dropout, for (b, heads, positions, width)."""
    q, k, v = (x.flatten(0, 1) for x in (query * query.shape[-1] ** -0.5, key, value))
    return BlockAttention.apply(q, k, v).unflatten(0, query.shape[:2])


class BlockAttnProcessor:
    """An attention processor of diffusers for the U-Nets of SD 1.x and 2.x, which use neither masks nor dropout."""

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, *_: Any, **__: Any
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            project(x).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for project, x in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        return attn.to_out[0](attend(query, key, value).transpose(1, 2).flatten(2))


def use_block_attention_where_faster(unet: UNet2DConditionModel, placement: Placement) -> None:
    """Use block-wise attention in bfloat16 on CPUs without AMX. Elsewhere torch's own attention is faster and stays."""
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    if placement.device.type == "cpu" and placement.dtype == torch.bfloat16 and not amx:
        # diffusers' type annotation lists only its own processors, but any callable with their signature works.
        unet.set_attn_processor(cast(Any, BlockAttnProcessor()))
