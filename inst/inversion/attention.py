"""The inversion module, a network that maps the CLIP embedding of a painting to the token vectors of a placeholder.

Zhang et al., "Inversion-Based Style Transfer with Diffusion Models", CVPR 2023, section 3.2 and figure 3.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class CrossAttention(nn.Module):
    """Multi-head attention without biases for queries, keys and values. Parameters are named as in the release."""

    def __init__(self, dim: int, num_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        inner = num_heads * head_dim
        self.num_heads = num_heads
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_k = nn.Linear(dim, inner, bias=False)
        self.to_v = nn.Linear(dim, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, dim), nn.Dropout(dropout))

    def forward(self, x: Float[Tensor, "b n e"], context: Float[Tensor, "b k e"]) -> Float[Tensor, "b n e"]:
        query, key, value = (
            project(y).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for project, y in ((self.to_q, x), (self.to_k, context), (self.to_v, context))
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self.to_out(attended.transpose(1, 2).flatten(2))


class AttentionInversion(nn.Module):
    """InST's "multi-layer cross attention", from CLIP embeddings to token vectors: two attention layers, a linear map.

    With ``num_vectors`` 1 and the same single embedding as query and context, it has exactly the parameters of the
    published module. The softmax over a single key is then always 1, so that module is linear. With the painting's
    patch embeddings as ``context``, the attention has an effect.

    Args:
        dim: width e of the CLIP embedding.
        token_dim: width d of the text encoder's token embedding; ``None`` for e, as in the published module.
        num_vectors: number n of token vectors; 1 in the published module. If there are several, each has a learned
            query offset.
        num_heads: number of attention heads; 8 as published.
        head_dim: width of a head; 64 as published.
        dropout: rate at the output of both attention layers and before the linear map; 0.05 as published, 0 in the
            ablation.
        use_attention: ``False`` omits the attention layers (the paper's ablation).
        own_maps: whether each vector has its own linear map, so that several vectors can differ more.
        token_norm: norm that each vector is scaled to; ``None`` does not scale, as published. A text encoder that
            normalises its input responds to the direction of a vector only. Without a fixed norm, vectors that are
            trained from scratch on such an encoder grow without bound while their direction stops changing.

    >>> module = AttentionInversion(512, 768, num_vectors=4).eval()
    >>> module(torch.zeros(1, 1, 512), torch.zeros(1, 245, 512)).shape
    torch.Size([1, 4, 768])
    """

    def __init__(
        self,
        dim: int,
        token_dim: int | None = None,
        *,
        num_vectors: int = 1,
        num_heads: int = 8,
        head_dim: int = 64,
        dropout: float = 0.05,
        use_attention: bool = True,
        own_maps: bool = False,
        token_norm: float | None = None,
    ) -> None:
        super().__init__()
        self.num_maps, self.token_norm = num_vectors if own_maps else 1, token_norm
        self.metadata: dict[str, int | float | bool | None] = {
            "dim": dim,
            "token_dim": token_dim or dim,
            "num_vectors": num_vectors,
            "num_heads": num_heads,
            "head_dim": head_dim,
            "dropout": dropout,
            "use_attention": use_attention,
            "own_maps": own_maps,
            "token_norm": token_norm,
        }
        self.attn1 = CrossAttention(dim, num_heads, head_dim, dropout) if use_attention else None
        self.attn2 = CrossAttention(dim, num_heads, head_dim, dropout) if use_attention else None
        self.net = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, self.num_maps * (token_dim or dim)))
        self.queries = nn.Parameter(0.02 * torch.randn(num_vectors, dim)) if num_vectors > 1 else None

    def forward(
        self, embeds: Float[Tensor, "b q e"], context: Float[Tensor, "b k e"] | None = None
    ) -> Float[Tensor, "b n d"]:
        """The token vectors of image embeddings.

        Args:
            embeds: the painting's projected CLIP embedding, not normalised, as (b, 1, e). If there are several vectors,
                the learned query offsets are added to the same embedding.
            context: keys and values of the attention, such as patch embeddings; ``None`` for ``embeds`` itself, as
                published.
        """
        x = embeds if self.queries is None else embeds + self.queries
        if self.attn1 is not None and self.attn2 is not None:
            # As in the release, both attention layers attend to the input, and there are no residual connections.
            source = x if context is None else context
            x = self.attn2(self.attn1(x, source), source)
        vectors = self.net(x)
        if self.num_maps > 1:  # The i-th vector is the output of the i-th map.
            vectors = vectors.unflatten(-1, (self.num_maps, -1)).diagonal(dim1=1, dim2=2).transpose(1, 2)
        if self.token_norm is not None:
            vectors = self.token_norm * functional.normalize(vectors, dim=-1)
        return vectors
