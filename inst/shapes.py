"""Names for tensor shapes. The letters are the project's legend:

b batch, h w pixels, c latent channels, lh lw latent size, e CLIP embedding, p patches, n token vectors, d text width,
s text length, k layers of w_plus. On the GAN side d is the width of w.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

Image = Float[Tensor, "b 3 h w"]
"""Pictures, sRGB in [-1, 1]."""
Latents = Float[Tensor, "b c lh lw"]
"""The autoencoder's latents, scaled to about unit variance."""
Conditioning = Float[Tensor, "b s d"]
"""The text encoder's output for each position of a prompt."""
Timesteps = Int[Tensor, "b"]
"""Steps of the noise schedule, 0 (clean) … 999 (noise), one for each element of a batch."""
TokenVectors = Float[Tensor, "n d"]
"""Rows of the token embedding that spell one new word."""
ImageEmbeds = Float[Tensor, "b e"]
"""Projected CLIP embeddings, not normalised."""
PatchEmbeds = Float[Tensor, "b p e"]
"""Projected CLIP patch embeddings, not normalised."""
W = Float[Tensor, "b d"]
"""StyleGAN2's intermediate latent: what the mapping network makes of z."""
WPlus = Float[Tensor, "b k d"]
"""One w for each layer of the synthesis network."""
