"""Face editing as formulated in the published code, reimplemented for comparison; the same functions as inst's.

After the source of StyleCLIP and of the generator it uses (rosinality's): float32; separate weights for every image in
one grouped convolution; FIR filtering as zero insertion, padding and a convolution with every channel as an image; CLIP
inputs upsampled by seven and then averaged; the text and the identity of the source computed in every step; global
directions and channel relevance one image at a time, the latter through 8-bit PIL images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image as PilImage
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from benchmarks.speed.stylegan2.networks import Networks
from inst.clip.templates import IMAGENET_TEMPLATES
from inst.gan.blocks import StyledConv
from inst.gan.codes import to_rgb_styles
from inst.gan.layers import FIR, SLOPE
from inst.gan.styleclip.mapper import LatentMapper
from inst.gan.styleclip.optimize import OptimizeSettings, learning_rate_at
from inst.gan.styleclip.train_mapper import MapperSettings

KERNEL = torch.outer(torch.tensor(FIR), torch.tensor(FIR)) / sum(FIR) ** 2 * 4


def upfirdn(x: Tensor, up: int, before: int, after: int) -> Tensor:
    """Insert zeros between the pixels, pad and filter; every channel is treated as an image."""
    batch, channels, height, width = x.shape
    x = x.reshape(-1, 1, height, 1, width, 1)
    x = functional.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(-1, 1, height * up, width * up)
    x = functional.conv2d(functional.pad(x, (before, after) * 2), KERNEL.to(x)[None, None].flip(2, 3))
    return x.reshape(batch, channels, *x.shape[2:])


def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool = True, up: bool = False) -> Tensor:
    """A convolution with separate weights for every image."""
    batch, width = style.shape
    weights = weight[None] / math.sqrt(weight[0].numel()) * style[:, None, :, None, None]
    if demodulate:
        weights = weights * torch.rsqrt(weights.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    x = x.reshape(1, batch * width, *x.shape[2:])
    if up:
        y = functional.conv_transpose2d(x, weights.transpose(1, 2).flatten(0, 1), stride=2, groups=batch)
        return upfirdn(y.reshape(batch, -1, *y.shape[2:]), 1, 1, 1)
    y = functional.conv2d(x, weights.flatten(0, 1), padding=weight.shape[-1] // 2, groups=batch)
    return y.reshape(batch, -1, *y.shape[2:])


class Reference:
    """The published formulation, with networks in float32."""

    def __init__(self, networks: Networks) -> None:
        self.generator, self.clip, self.arcface = networks.generator, networks.clip, networks.arcface

    def synthesize(self, styles: Sequence[Tensor]) -> Tensor:
        """Images from StyleSpace, with the noise stored in the weights."""
        generator = self.generator
        x, picture = generator.const.expand(len(styles[0]), -1, -1, -1), None
        for layer, style in zip(generator.config.style_layers, styles, strict=True):
            block = generator._block(layer)
            if isinstance(block, StyledConv):
                y = modulated_conv(x, block.weight, style, up=layer.upsample)
                y = y + block.noise_strength * block.noise + block.bias[:, None, None]
                x = functional.leaky_relu(y, SLOPE) * math.sqrt(2)
            else:
                rgb = modulated_conv(x, block.weight, style, demodulate=False) + block.bias[:, None, None]
                picture = rgb if picture is None else upfirdn(picture, 2, 2, 1) + rgb
        assert picture is not None
        return picture

    def synthesize_w_plus(self, w_plus: Tensor) -> Tensor:
        return self.synthesize(self.generator.styles(w_plus))

    def embed_pixels(self, pixels: Tensor) -> Tensor:
        """CLIP embedding of images that already have its input size."""
        output = self.clip.model.visual(pixels)
        return output[0] if self.clip.has_patches else output

    def distance(self, images: Tensor, text: str) -> Tensor:
        """1 − cosine similarity of each image, in [-1, 1], and the text; images are upsampled by seven and averaged."""
        larger = functional.interpolate(images, scale_factor=self.clip.image_size // 32, mode="nearest")
        embeds = self.embed_pixels(functional.avg_pool2d(larger, images.shape[-1] // 32))
        text_embeds = self.clip.model.encode_text(self.clip.tokenize([text]).to(images.device))
        return 1 - functional.cosine_similarity(embeds, text_embeds)

    def identity_loss(self, images: Tensor, source: Tensor) -> Tensor:
        """Mean over the batch; the identity of the source is computed in every call."""
        with torch.no_grad():
            source_identity = self.arcface.embed_faces(source)
        return (1 - (self.arcface.embed_faces(images) * source_identity).sum(1)).mean()

    def optimize(self, w_plus: Tensor, text: str, settings: OptimizeSettings) -> Iterator[Tensor]:
        """Latent optimisation; yields the codes before each update, which belong to that step's image."""
        code = w_plus.clone().requires_grad_()
        optimizer = torch.optim.Adam([code], lr=settings.learning_rate)
        weights = settings.weights()
        with torch.no_grad():
            source = self.synthesize_w_plus(w_plus)
        for step in range(settings.steps):
            optimizer.param_groups[0]["lr"] = learning_rate_at(step, settings.steps, settings.learning_rate)
            image = self.synthesize_w_plus(code)
            loss = self.distance(image, text).sum() + weights.l2 * (w_plus - code).square().sum()
            loss = loss + weights.identity * self.identity_loss(image, source)
            yield code.detach().clone()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def mapper_step(
        self, mapper: LatentMapper, optimizer: Optimizer, w_plus: Tensor, text: str, settings: MapperSettings
    ) -> float:
        """One training step of a mapper; returns the loss."""
        with torch.no_grad():
            source = self.synthesize_w_plus(w_plus)
        (edited,) = mapper.edit([w_plus], settings.strength)
        image = self.synthesize_w_plus(edited)
        loss = settings.clip_weight * self.distance(image, text).mean()
        loss = loss + settings.l2_weight * functional.mse_loss(edited, w_plus)
        loss = loss + settings.identity_weight * self.identity_loss(image, source)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def text_direction(self, target: str, neutral: str) -> Tensor:
        """Direction between two texts, each encoded template by template."""
        means = []
        for name in (target, neutral):
            rows = [self.clip.embed_text([template.format(name)])[0] for template in IMAGENET_TEMPLATES]
            means.append(functional.normalize(functional.normalize(torch.stack(rows), dim=1).mean(0), dim=0))
        return functional.normalize(means[0] - means[1], dim=0)

    @torch.no_grad()
    def edit(
        self,
        w_plus: Tensor,
        relevance: Tensor,
        stds: Sequence[Tensor],
        texts: tuple[str, str],
        strengths: tuple[float, float],
    ) -> Tensor:
        """Edit one code with the global direction between a target and a neutral text, with strengths α and β."""
        relevant, (alpha, beta) = relevance @ self.text_direction(*texts), strengths
        moved = torch.where(relevant.abs() < beta, 0, relevant) / relevant.abs().max()
        styles, start = self.generator.styles(w_plus), 0
        frozen = to_rgb_styles(len(styles))
        for index, style in enumerate(styles):
            if index not in frozen:
                part = moved[start : start + style.shape[1]]
                styles[index] = style + alpha * part * stds[index].to(style)
                start += style.shape[1]
        return self.synthesize(styles)

    @torch.no_grad()
    def relevance_embeddings(self, styles: Sequence[Tensor], place: tuple[int, int], step: float) -> Iterator[Tensor]:
        """Embeddings of a sample with one channel a step lower and a step higher, through 8-bit PIL images."""
        index, channel = place
        for sign in (-1, 1):
            changed = [style.clone() for style in styles]
            changed[index][:, channel] += sign * step
            yield self.embed_pixels(self._by_pil(self.synthesize(changed)))

    def _by_pil(self, image: Tensor) -> Tensor:
        array = ((image[0] + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        side, preprocessing = self.clip.image_size, self.clip.preprocessing
        resized = PilImage.fromarray(array).resize((side, side), PilImage.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(resized)).float() / 255
        pixels = (pixels - torch.tensor(preprocessing.mean)) / torch.tensor(preprocessing.std)
        return pixels.permute(2, 0, 1)[None].to(image.device)
