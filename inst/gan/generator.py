"""The StyleGAN2 generator (Karras et al. 2020), from any of its latent spaces to images. Written from the papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.errors import ConfigError
from inst.gan import latent_space
from inst.gan.architecture import GeneratorConfig, StyleLayer
from inst.gan.blocks import Mapping as MappingNetwork
from inst.gan.blocks import StyledConv, ToRgb
from inst.gan.equalized import EqualLinear
from inst.gan.latent_space import Styles, check_styles, check_w_plus
from inst.gan.layers import Form
from inst.placement import Placement
from inst.shapes import Image, W, WPlus

M = TypeVar("M", bound=nn.Module)
NoiseMaps = Sequence[Float[Tensor, "n _ _"]]
"""One noise map per convolution, shared by the batch (n = 1) or one per image (n = b)."""
Noise = Literal["fixed", "none"] | Sequence[torch.Generator] | NoiseMaps
"""Per-pixel noise: the maps saved with the weights, none, random maps from one random generator per image,
or given maps.
"""


class Generator(nn.Module):
    """z → W → W+ → StyleSpace → images; each arrow is a method, so that an edit can start in any of these spaces.

    The constructor sets all weights to zero: use `from_state` or `initialise`.

    Attributes:
        latent_avg: the mean of w (d,), towards which truncation interpolates.
        form: implementation of the modulated convolutions; ``None`` chooses the faster one (`layers.choose_form`).
    """

    latent_avg: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.form: Form | None = None
        self.mapping = MappingNetwork(config.mapping_widths, config.mapping_rate)
        self.const = nn.Parameter(torch.zeros(config.channels[0], 4, 4))
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for layer in config.style_layers:
            if layer.kind == "conv":
                width_out = config.channels[(layer.index + 1) // 2]
                self.convs.append(StyledConv(layer, width_out, config.w_width, config.conv_clamp))
            else:
                self.to_rgbs.append(ToRgb(layer, config.w_width, config.conv_clamp))
        self.register_buffer("latent_avg", torch.zeros(config.w_width))

    @classmethod
    def from_state(cls, config: GeneratorConfig, state: Mapping[str, Tensor]) -> Generator:
        """A frozen generator in evaluation mode with these weights, which are not copied."""
        with torch.device("meta"):
            generator = cls(config)
        generator.load_state_dict(state, assign=True)
        return generator.requires_grad_(False).eval()

    def initialise(self, rng: torch.Generator) -> Generator:
        """Initialises the weights for training.

        Weights, constant input and noise maps are standard normal, the biases of the affine layers are 1, noise
        strengths and all other biases 0.
        """
        with torch.no_grad():
            for name, tensor in self.state_dict().items():
                if name.endswith("affine.bias"):
                    tensor.fill_(1)
                elif name.endswith(("weight", "const", ".noise")):
                    tensor.normal_(generator=rng)
            for layer in self._modules_of(EqualLinear):
                layer.weight.div_(layer.lr_mul)
        return self

    def place(self, placement: Placement) -> Generator:
        """Moves the generator to a device.

        Only the convolution weights take the placement's dtype: affine layers, noise and the image stay float32.
        """
        self.to(placement.device)
        for layer in (*self._modules_of(StyledConv), *self._modules_of(ToRgb)):
            layer.weight.data = layer.weight.data.to(placement.dtype)
        return self

    def map(self, z: Float[Tensor, "b z"]) -> W:
        """Maps z (b, z), standard normal, to w (b, d).

        Raises:
            ConfigError: z has the wrong width.
        """
        if z.shape[1] != self.config.z_width:
            raise ConfigError(f"z of width {z.shape[1]} does not fit: this generator takes width {self.config.z_width}")
        return self.mapping(z)

    def to_w_plus(self, w: W | WPlus) -> WPlus:
        """W repeated for every layer; W+ unchanged.

        Raises:
            ConfigError: the shape of the code does not match this generator.
        """
        w_plus = latent_space.repeat(w, self.config.num_layers) if w.ndim == 2 else w
        check_w_plus(w_plus, self.config)
        return w_plus

    def truncate(self, w: W | WPlus, psi: float, cutoff: int | None = None) -> WPlus:
        """Truncation towards this generator's mean w; see `latent_space.truncate`."""
        return latent_space.truncate(self.to_w_plus(w), self.latent_avg, psi, cutoff)

    def styles(self, w: W | WPlus) -> list[Float[Tensor, "b _"]]:
        """StyleSpace: the output of the affine layer of each of `config.style_layers`, also for to-RGB without scaling.

        Raises:
            ConfigError: the shape of the code does not match this generator.
        """
        w_plus = self.to_w_plus(w)
        return [self._block(layer).affine(w_plus[:, layer.w_index]) for layer in self.config.style_layers]

    def synthesize(self, styles: Styles, noise: Noise = "fixed") -> Image:
        """Images from StyleSpace, float32, about [-1, 1] but not clamped.

        Raises:
            ConfigError: the styles do not match this generator, or the noise does not match the batch.
        """
        check_styles(styles, self.config)
        batch = len(styles[0])
        maps = self._noise_maps(noise, batch)
        x = self.const.to(self._block(self.config.style_layers[0]).weight.dtype).expand(batch, -1, -1, -1)
        picture = None
        for layer, style in zip(self.config.style_layers, styles, strict=True):
            block = self._block(layer)
            if isinstance(block, StyledConv):
                x = block(x, style, next(maps), self.form)
            else:
                picture = block(x, style, picture, self.form)
        assert picture is not None
        return picture

    def forward(self, w: W | WPlus, noise: Noise = "fixed") -> Image:
        """Images from W or W+, float32, about [-1, 1] but not clamped.

        Raises:
            ConfigError: the code does not match this generator, or the noise does not match the batch.
        """
        return self.synthesize(self.styles(w), noise)

    def _block(self, layer: StyleLayer) -> StyledConv | ToRgb:
        block = self.convs[layer.index] if layer.kind == "conv" else self.to_rgbs[layer.index]
        assert isinstance(block, (StyledConv, ToRgb))
        return block

    def _modules_of(self, kind: type[M]) -> Iterator[M]:
        return (module for module in self.modules() if isinstance(module, kind))

    def _noise_maps(self, noise: Noise, batch: int) -> Iterator[Float[Tensor, "n h w"] | None]:
        """The noise maps layer by layer. With random generators an image's noise does not depend on its batch."""
        if isinstance(noise, str) and noise not in ("fixed", "none"):
            raise ConfigError(
                f"noise={noise} is not known: choose fixed | none, or give random generators or noise maps"
            )
        if not isinstance(noise, str) and isinstance(noise[0], Tensor):
            yield from self._checked_maps(cast(NoiseMaps, noise), batch)
            return
        if not isinstance(noise, str) and len(noise) != batch:
            raise ConfigError(f"{len(noise)} noise generators were given for {batch} images: give one per image")
        for conv in self._modules_of(StyledConv):
            if noise == "none":
                yield None
            elif noise == "fixed":
                yield conv.noise[None]
            else:
                rngs = cast(Sequence[torch.Generator], noise)
                maps = [torch.randn(conv.noise.shape, generator=rng, device=rng.device) for rng in rngs]
                yield torch.stack(maps).to(self.const.device)

    def _checked_maps(self, maps: NoiseMaps, batch: int) -> Iterator[Float[Tensor, "n h w"]]:
        wanted = [tuple(conv.noise.shape) for conv in self._modules_of(StyledConv)]
        if [tuple(m.shape[1:]) for m in maps] != wanted or any(len(m) not in (1, batch) for m in maps):
            raise ConfigError(
                f"{len(maps)} noise maps do not fit: this {self.config.resolution} px generator takes {len(wanted)}, "
                f"from {wanted[0]} to {wanted[-1]}, one for the whole batch or one for each of {batch} images"
            )
        yield from maps
