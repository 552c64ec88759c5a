"""The inversion module: a painting's CLIP embedding becomes the vectors of a new word.

Zhang et al., "Inversion-Based Style Transfer with Diffusion Models", CVPR 2023, section 3.2 and figure 3.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class CrossAttention(nn.Module):
    """Multi-head attention without bias on queries, keys and values (names of the published checkpoint)."""

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
    """Two attentions and a linear map from CLIP embeddings to token vectors, InST's "multi-layer cross attention".

    With ``num_vectors`` 1 and one embedding as both query and context this is the published module, parameter for
    parameter; its softmax over a single key is 1 whatever the queries are, so it is a linear map. Given the painting's
    patch embeddings as ``context`` it attends for real.

    Args:
        dim: width e of the CLIP embedding.
        token_dim: width d of the text encoder's token embedding (the published module has d = e).
        num_vectors: token vectors n to make; each beyond the published single one has a learned query offset.
        own_maps: with several vectors, each has a linear map of its own too, so that they can say different things.
        num_heads, head_dim: the published module has 8 heads of 64.
        dropout: in both attentions' output and before the linear map; 0.05 as published, 0 for the ablation.
        use_attention: ``False`` leaves only dropout and linear map (the paper's ablation).
        token_norm: length that every vector is brought to; ``None`` leaves it free, as published. A text encoder that
            normalises what it reads answers to a vector's direction only: while it is trained from scratch its length
            grows without bound and its direction stands still.
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
        """Token vectors for image embeddings.

        Args:
            embeds: the painting's projected CLIP embedding, not normalised; as published (b, 1, e). With several
                vectors asked for, the one embedding is repeated and told apart by the learned offsets.
            context: what to attend to, such as patch embeddings; ``None`` means ``embeds`` itself, as published.
        """
        x = embeds if self.queries is None else embeds + self.queries
        if self.attn1 is not None and self.attn2 is not None:
            # The release calls attn2(x1, context=x): both attentions look at what came in, there is no residual.
            source = x if context is None else context
            x = self.attn2(self.attn1(x, source), source)
        vectors = self.net(x)
        if self.num_maps > 1:  # of all maps' outputs for all vectors, the i-th map's for the i-th vector
            vectors = vectors.unflatten(-1, (self.num_maps, -1)).diagonal(dim1=1, dim2=2).transpose(1, 2)
        if self.token_norm is not None:
            vectors = self.token_norm * functional.normalize(vectors, dim=-1)
        return vectors
