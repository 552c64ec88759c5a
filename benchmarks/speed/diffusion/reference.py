"""A training step and a stylization as in InST's published release, reimplemented for comparison.

After its source (zyxElsa/InST: ``ddpm.py``, ``modules.py``, ``embedding_manager.py``, ``InST.ipynb``): float32; the
painting and the prompt are encoded, and both CLIP towers run, in every step; attention materialises its full matrix;
the U-Net is frozen and its checkpointing is disabled in the source ("disabled checkpointing to allow requires_grad =
False"), so that every activation is stored. Guidance is one call with batch size 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.speed.diffusion.networks import Size, random_clip, random_text_encoder, random_unet, random_vae
from inst.diffusion.tone import adain
from inst.inversion.attention import AttentionInversion
from inst.models.latent_diffusion import alphas_cumprod
from inst.placement import Placement

PLACEHOLDER, START, END, LENGTH = 265, 49406, 49407, 77
STEPS, STRENGTH, GUIDANCE = 50, 0.6, 10.0
SCALE = 0.18215


@dataclass
class Reference:
    """The networks of the release and its inversion module.

    Attributes:
        checkpointed: recompute activations; the release's configuration enables it, its code disables it.
        weight_gradients: compute gradients of the U-Net's weights, as an implementation that does not freeze them.
    """

    size: Size
    device: torch.device
    checkpointed: bool = False
    weight_gradients: bool = False

    def __post_init__(self) -> None:
        from diffusers.models.attention_processor import AttnProcessor

        placement = Placement(self.device, torch.float32)
        self.unet: Any = random_unet(self.size, placement)
        self.vae: Any = random_vae(self.size, placement)
        self.text: Any = random_text_encoder(self.size, placement, attn_implementation="eager")
        self.clip: Any = random_clip(self.size, placement, attn_implementation="eager")
        for network in (self.unet, self.vae):
            network.set_attn_processor(AttnProcessor())
        if self.checkpointed:
            self.unet.train().enable_gradient_checkpointing()
        self.unet.requires_grad_(self.weight_gradients)
        self.module = AttentionInversion(self.size.clip["projection_dim"], self.size.text["hidden_size"]).to(
            self.device
        )
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=1e-4)
        schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
        self.alpha_bar = alphas_cumprod(schedule).to(self.device)

    def training_step(self, painting: Tensor) -> float:
        """One complete training step with batch size 1; returns the loss."""
        latents = self.encode(painting)
        t = torch.randint(0, 1000, (1,), device=self.device)
        eps = torch.randn_like(latents)
        predicted = self.unet(self.add_noise(latents, eps, t), t, self.condition(painting, styled=True)).sample
        loss = functional.mse_loss(predicted, eps)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()

    @torch.no_grad()
    def stylize(self, content: Tensor, painting: Tensor, num_steps: int | None = None) -> Iterator[tuple[str, Any]]:
        """The notebook's cell: yields the name and result of each part; the last one, ``decode``, is the picture.

        Args:
            num_steps: how many of the 30 denoising steps to take; ``None`` for all.
        """
        latents = adain(self.encode(content), self.encode(painting))
        yield "encode", latents
        unconditional, conditional = (self.condition(painting, styled=styled) for styled in (False, True))
        yield "prompt", conditional
        t = torch.full((1,), int(STRENGTH * 1000), device=self.device)
        noisy = self.add_noise(latents, torch.randn_like(latents), t)
        latents = self.add_noise(latents, self.unet(noisy, t, conditional).sample, t)
        yield "inversion", latents
        both = torch.cat([unconditional, conditional])
        timesteps = [20 * i + 1 for i in reversed(range(int(STRENGTH * STEPS)))]
        for at in timesteps[:num_steps]:
            latents = self.denoise(latents, at, both)
            yield "step", latents
        yield "decode", self.vae.decode(latents / SCALE).sample.clamp(-1, 1)

    def denoise(self, latents: Tensor, at: int, both: Tensor) -> Tensor:
        """A guided DDIM step over 20 timesteps."""
        eps_u, eps_c = self.unet(torch.cat([latents] * 2), torch.full((2,), at, device=self.device), both).sample.chunk(
            2
        )
        eps = eps_u + GUIDANCE * (eps_c - eps_u)
        alpha_bar, previous = self.alpha_bar[at], self.alpha_bar[max(at - 20, 0)]
        x0 = (latents - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
        return previous.sqrt() * x0 + (1 - previous).sqrt() * eps

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """A sample from the posterior."""
        return self.vae.encode(image).latent_dist.sample() * SCALE

    def add_noise(self, x0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        alpha_bar = self.alpha_bar[t].view(-1, 1, 1, 1)
        return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps

    def condition(self, painting: Tensor, *, styled: bool) -> Tensor:
        """Encoding of the prompt "*" or of the empty prompt; the release embeds the painting for both."""
        embeds = self.embed(painting)
        placeholder = [PLACEHOLDER] if styled else []
        ids = torch.tensor([[START, *placeholder, *[END] * (LENGTH - 1 - len(placeholder))]], device=self.device)
        with _token_vectors(self.text, self.module(embeds[:, None])[0], placeholder):
            return self.text(input_ids=ids).last_hidden_state

    @torch.no_grad()
    def embed(self, painting: Tensor) -> Tensor:
        """CLIP embedding of the painting; the release runs both towers for it."""
        side = self.size.clip["vision_config"]["image_size"]
        pixels = functional.interpolate(painting, (side, side), mode="bicubic", antialias=True)
        ids = torch.tensor([[START, 320, END]], device=self.device)
        return self.clip(input_ids=ids, pixel_values=pixels).image_embeds


@contextmanager
def _token_vectors(text: Any, vectors: Tensor, placeholder: list[int]) -> Iterator[None]:
    """Replace the input embedding at the second position by the token vectors, if there is a placeholder."""

    def replace(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return torch.cat([output[:, :1], vectors[None], output[:, 2:]], 1) if placeholder else output

    handle = text.get_input_embeddings().register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
