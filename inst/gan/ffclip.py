"""FFCLIP: one network for many texts, which moves W+ by what a text means.

Zhu et al. 2022, "One Model to Edit Them All: Free-Form Text-Driven Image Manipulation with Semantic Modulations".
The edit is ``w + Δw``, without a strength. Names are those of the published checkpoints. Text is CLIP
ViT-B/32's, not normalised.
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
    """Which channels of the code answer to which of the text (semantic alignment, second part).

    Args:
        num_styles: layers k of W+.
        width: d of W+ and of the text.
    """

    def __init__(self, num_styles: int, width: int) -> None:
        super().__init__()
        self.q_matrix = nn.Linear(width, width, bias=False)
        self.k_matrix = nn.Linear(1, num_styles, bias=False)
        self.v_matrix = nn.Linear(width, width, bias=False)

    def forward(self, x: WPlus, text: Text) -> Text:
        """``LN(mean_k(V A))``, where column j of A is the text times ``k · Q[:, j] / √d``, its softmax over j.

        The mean over layers goes through the product with A, so k rows become one.
        """
        column = torch.einsum("k,bkd->bd", self.k_matrix.weight[:, 0], self.q_matrix(x))
        logits = text.transpose(1, 2) * column[:, None] / math.sqrt(x.shape[-1])
        moved = self.v_matrix(x.mean(1, keepdim=True)) @ logits.softmax(-1)
        return functional.layer_norm(moved, moved.shape[-1:])


class ModulationBlock(nn.Module):
    """Aligns a code with a text, then lets the text scale and shift it."""

    def __init__(self, num_styles: int, width: int) -> None:
        super().__init__()
        self.q_matrix = nn.Linear(width, width, bias=False)
        self.k_matrix = nn.Linear(width, width, bias=False)
        self.v_matrix = nn.Linear(width, width, bias=False)
        self.attention_layer = ChannelAttention(num_styles, width)
        self.gamma_ = _text_network(width)
        self.beta_ = _text_network(width)
        # published checkpoints carry it; nothing uses it
        self.fc = nn.Linear(width, width)

    def forward(self, x: WPlus, text: Text) -> WPlus:
        """One block.

        Args:
            x: codes, normalised here over the layers: so it was trained.
            text: not normalised.
        """
        x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        # how much each layer matters to the text (semantic alignment, first part)
        layers = (self.k_matrix(x) @ self.q_matrix(text).transpose(1, 2)).softmax(1)
        aligned = layers * self.v_matrix(x) + self.attention_layer(x, text)
        aligned = functional.layer_norm(aligned, aligned.shape[-1:])
        # semantic injection
        return functional.leaky_relu(aligned * (1 + self.gamma_(text)) + self.beta_(text), 0.01)


def _text_network(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.LeakyReLU(), nn.Linear(width, width))


class SemanticModulation(nn.Module):
    """Four blocks, one after the other.

    Args:
        num_styles: layers k of W+ that it was made for: 18 for a generator of 1024 px.
        width: d of W+ and of the text's embedding.
    """

    def __init__(self, num_styles: int = 18, width: int = 512, num_blocks: int = NUM_BLOCKS) -> None:
        super().__init__()
        self.num_styles, self.width = num_styles, width
        self.att_mapper = nn.ModuleList(ModulationBlock(num_styles, width) for _ in range(num_blocks))

    def forward(self, w_plus: WPlus, text: Text) -> WPlus:
        """Δw, what is to be added to the codes; in float32 a poorly conditioned map."""
        x = w_plus
        for block in self.att_mapper:
            x = block(x, text)
        return x

    def edit(self, codes: Sequence[Tensor], text: Float[Tensor, "b e"]) -> Codes:
        """W+ codes moved by texts, one a row.

        Raises:
            ModelError: codes or text of another size than it was made for.
        """
        (w_plus,) = codes
        if w_plus.shape[1:] != (self.num_styles, self.width) or text.shape[1] != self.width:
            raise ModelError(
                f"this FFCLIP network moves codes of {self.num_styles} layers of {self.width} by such texts, not "
                f"{w_plus.shape[1]} layers of {w_plus.shape[2]} by {text.shape[1]}: take the generator and CLIP it fits"
            )
        return [w_plus + self(w_plus, text[:, None].to(w_plus))]


def load_ffclip(path: Path, placement: Placement) -> SemanticModulation:
    """A published checkpoint; number of layers, width and blocks follow from its tensors.

    What it holds of the generator is ``parameters_of(read_checkpoint(path), "module.generator")``.

    Raises:
        InputError: missing, damaged or unsafe.
        ModelError: another kind of file.
    """
    state = _modulation_of(parameters_of(read_checkpoint(path)))
    key = f"{_NAMES}.0.attention_layer.k_matrix.weight"
    if key not in state or f"{_NAMES}.0.q_matrix.weight" not in state:
        raise ModelError(f"{path} holds no FFCLIP network (module.att_mapper.att_mapper.*)")
    blocks = 1 + max(int(name.split(".")[1]) for name in state)
    with torch.device("meta"):
        network = SemanticModulation(len(state[key]), len(state[f"{_NAMES}.0.q_matrix.weight"]), blocks)
    load_parameters(network, state, str(path))
    # too poorly conditioned for half precision, whatever the rest computes in
    return network.eval().to(placement.device)


def _modulation_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's own tensors: as published, without the mark of distributed training, or saved alone."""
    for prefix in (f"module.{_NAMES}.", f"{_NAMES}.", ""):
        start = f"{prefix}{_NAMES}."
        found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(start)}
        if found:
            return {key: value for key, value in found.items() if key.split(".")[1].isdecimal()}
    return {}
