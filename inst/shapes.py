"""Type aliases for tensor shapes. The dimension letters mean the same in every signature of the package:

b batch size, h w height and width in pixels, c latent channels, lh lw height and width of the latents, e width of the
CLIP embedding, p number of patches, n number of token vectors, d width of the text encoder, s length of the prompt in
tokens, k number of layers of W+. In the GAN code d is the width of w.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

Image = Float[Tensor, "b 3 h w"]
"""Images, sRGB in [-1, 1]."""
Latents = Float[Tensor, "b c lh lw"]
"""Latents of the autoencoder (VAE), scaled to about unit variance."""
Conditioning = Float[Tensor, "b s d"]
"""Last hidden states of the text encoder, one vector for each token position of the prompt."""
Timesteps = Int[Tensor, "b"]
"""Timesteps of the noise schedule, from 0 (clean) to 999 (noise), one for each element of the batch."""
TokenVectors = Float[Tensor, "n d"]
"""Token embedding vectors that a placeholder such as ``[C]`` stands for, one for each token position it takes."""
ImageEmbeds = Float[Tensor, "b e"]
"""CLIP embeddings after projection into the shared space, not normalised."""
PatchEmbeds = Float[Tensor, "b p e"]
"""CLIP patch embeddings after projection into the shared space, not normalised."""
W = Float[Tensor, "b d"]
"""StyleGAN2's intermediate latent code w, the output of the mapping network."""
WPlus = Float[Tensor, "b k d"]
"""Latent codes in W+: one w for each layer of the synthesis network."""
