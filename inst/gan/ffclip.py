"""FFCLIP: a single network that edits W+ codes by free-form text.

Zhu et al. 2022, "One Model to Edit Them All: Free-Form Text-Driven Image Manipulation with Semantic Modulations".
The edit is ``w + Δw`` and has no strength. Parameter names are those of the published checkpoints. Text embeddings are
those of CLIP ViT-B/32, not normalised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from inst.errors import ModelError
from inst.files import load_parameters, parameters_of, read_checkpoint
from inst.gan.codes import Codes
from inst.placement import Placement
from inst.shapes import WPlus

Text = Float[Tensor, "b 1 d"]
NUM_BLOCKS = 4
_NAMES = "att_mapper"


class ChannelAttention(nn.Module):
    """Attention between the channels of the code and those of the text (semantic alignment, second part).

    Args:
        num_styles: number of layers k of W+.
        width: width d of W+ and of the text embedding.
    """

    def __init__(self, num_styles: int, width: int) -> None:
        super().__init__()
        self.q_matrix = nn.Linear(width, width, bias=False)
        self.k_matrix = nn.Linear(1, num_styles, bias=False)
        self.v_matrix = nn.Linear(width, width, bias=False)

    def forward(self, x: WPlus, text: Text) -> Text:
        """``LN(mean_k(V A))``, where column j of A is the text times ``k · Q[:, j] / √d``, its softmax over j.

        The mean over layers commutes with the product with A, so one row is multiplied instead of k.
        """
        column = torch.einsum("k,bkd->bd", self.k_matrix.weight[:, 0], self.q_matrix(x))
        logits = text.transpose(1, 2) * column[:, None] / math.sqrt(x.shape[-1])
        attended = self.v_matrix(x.mean(1, keepdim=True)) @ logits.softmax(-1)
        return functional.layer_norm(attended, attended.shape[-1:])


class ModulationBlock(nn.Module):
    """Semantic modulation: aligns a code with a text, then scales and shifts it by the text (Zhu et al. 2022)."""

    def __init__(self, num_styles: int, width: int) -> None:
        super().__init__()
        self.q_matrix = nn.Linear(width, width, bias=False)
        self.k_matrix = nn.Linear(width, width, bias=False)
        self.v_matrix = nn.Linear(width, width, bias=False)
        self.attention_layer = ChannelAttention(num_styles, width)
        self.gamma_ = _text_network(width)
        self.beta_ = _text_network(width)
        # unused, but contained in the published checkpoints
        self.fc = nn.Linear(width, width)

    def forward(self, x: WPlus, text: Text) -> WPlus:
        """One block.

        Args:
            x: W+ codes; they are normalised here over the layers, as in the published training.
            text: text embeddings, not normalised.
        """
        x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        # weight of each layer for this text (semantic alignment, first part)
        layers = (self.k_matrix(x) @ self.q_matrix(text).transpose(1, 2)).softmax(1)
        aligned = layers * self.v_matrix(x) + self.attention_layer(x, text)
        aligned = functional.layer_norm(aligned, aligned.shape[-1:])
        # semantic injection
        return functional.leaky_relu(aligned * (1 + self.gamma_(text)) + self.beta_(text), 0.01)


def _text_network(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.LeakyReLU(), nn.Linear(width, width))


class SemanticModulation(nn.Module):
    """The FFCLIP network: a sequence of modulation blocks.

    Args:
        num_styles: number of layers k of W+: 18 for a generator of 1024 px.
        width: width d of W+ and of the text embedding.
        num_blocks: number of blocks, 4 in the paper.
    """

    def __init__(self, num_styles: int = 18, width: int = 512, num_blocks: int = NUM_BLOCKS) -> None:
        super().__init__()
        self.num_styles, self.width = num_styles, width
        self.att_mapper = nn.ModuleList(ModulationBlock(num_styles, width) for _ in range(num_blocks))

    def forward(self, w_plus: WPlus, text: Text) -> WPlus:
        """The offset Δw to add to the codes. The map is poorly conditioned, even in float32."""
        x = w_plus
        for block in self.att_mapper:
            x = block(x, text)
        return x

    def edit(self, codes: Sequence[Tensor], text: Float[Tensor, "b e"]) -> Codes:
        """Edited W+ codes ``w + Δw``.

        Args:
            codes: a list of one W+ tensor (b, k, d).
            text: one CLIP text embedding per row of the codes, not normalised.

        Raises:
            ModelError: the sizes of the codes or of the text do not match the network.
        """
        (w_plus,) = codes
        if w_plus.shape[1:] != (self.num_styles, self.width) or text.shape[1] != self.width:
            raise ModelError(
                f"this FFCLIP network edits codes of {self.num_styles} layers of {self.width} with texts of that "
                f"width, not {w_plus.shape[1]} layers of {w_plus.shape[2]} with texts of {text.shape[1]}: use the "
                "generator and the CLIP it was trained with"
            )
        return [w_plus + self(w_plus, text[:, None].to(w_plus))]


def load_ffclip(path: Path, placement: Placement) -> SemanticModulation:
    """Loads a published FFCLIP checkpoint or one of ours; its sizes are derived from the tensors.

    Published checkpoints also contain the generator: ``parameters_of(read_checkpoint(path), "module.generator")``.

    Raises:
        InputError: the file is missing, damaged or unsafe.
        ModelError: the file is of another kind.
    """
    state = _modulation_of(parameters_of(read_checkpoint(path)))
    key = f"{_NAMES}.0.attention_layer.k_matrix.weight"
    if key not in state or f"{_NAMES}.0.q_matrix.weight" not in state:
        raise ModelError(f"{path} holds no FFCLIP network (module.att_mapper.att_mapper.*)")
    blocks = 1 + max(int(name.split(".")[1]) for name in state)
    with torch.device("meta"):
        network = SemanticModulation(len(state[key]), len(state[f"{_NAMES}.0.q_matrix.weight"]), blocks)
    load_parameters(network, state, str(path))
    # always float32: the map is too poorly conditioned for half precision
    return network.eval().to(placement.device)


def _modulation_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's tensors: published with the prefix ``module.`` of DistributedDataParallel, without it, or alone."""
    for prefix in (f"module.{_NAMES}.", f"{_NAMES}.", ""):
        own = f"{prefix}{_NAMES}."
        found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(own)}
        if found:
            return {key: value for key, value in found.items() if key.split(".")[1].isdecimal()}
    return {}
