"""The identity network of avatars: `python -m miniature.avatars.identity --state DIR`; reads ``DIR/avatars.npy``.

Avatars that differ in expression, pose and light, and in half of the pairs also in outfit, have the same identity. So
the network has to rely on face and hair, since clothes and background may differ within a pair. The exported file is
for `inst edit --identity`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from inst.files import write_safetensors
from inst.perceptual.arcface import Identity
from inst.perceptual.identity import WIDTHS, SmallIdentity
from miniature.avatars.data.augment import augment
from miniature.avatars.data.dataset import AvatarDataset, to_tensors
from miniature.avatars.data.variants import write_variants
from miniature.common.training import Budget, Recipe, Run, accelerator, add_budget, budget_of, load_averaged

FOLDER, NUM_PAIRS, NUM_HELD_OUT = "identity", 6000, 300
SCALE, MARGIN = 16.0, 0.2
SIMILAR = ("figure", "skin", "hair")
"""Avatars with equal values of these attributes are hard to distinguish."""


@dataclass(frozen=True)
class Pairs:
    """Avatars and variants of them with the same identity.

    Args:
        rows: row of the avatar in the data set, for each variant.
        outfit: whether each variant has another outfit.
        variants: (n, size, size, 3) uint8.
    """

    dataset: AvatarDataset
    rows: np.ndarray
    outfit: np.ndarray
    variants: np.ndarray

    @classmethod
    def open(cls, state: Path, pairs: int = NUM_PAIRS, held_out: int = NUM_HELD_OUT) -> Pairs:
        """One variant of each training avatar; two of each held-out avatar, with the same and with another outfit."""
        dataset = AvatarDataset.open(state)
        tasks = [(row, bool(row % 2)) for row in dataset.train[:pairs]]
        tasks += [(row, outfit) for row in dataset.held_out[:held_out] for outfit in (False, True)]
        variants = write_variants(state / FOLDER, tasks, dataset.seed, dataset.pixels.shape[1])
        rows, outfit = (np.array(column) for column in zip(*tasks, strict=True))
        return cls(dataset, rows, outfit, variants)

    def train(self) -> np.ndarray:
        """Indices of the training pairs."""
        return np.flatnonzero(self.rows < self.dataset.train.stop)

    def held_out(self, *, outfit: bool) -> np.ndarray:
        """Indices of the held-out pairs with or without another outfit."""
        return np.flatnonzero((self.rows >= self.dataset.held_out.start) & (self.outfit == outfit))

    def images(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """Avatars and variants in [-1, 1]."""
        return self.dataset.images(self.rows[indices]), to_tensors(self.variants[indices])


def margin_loss(first: Identity, second: Identity) -> Float[Tensor, ""]:
    """Each identity must be closer to its pair than to all others by a cosine margin (Wang et al. 2018, CosFace)."""
    cosines = first @ second.T
    logits = SCALE * (cosines - MARGIN * torch.eye(len(cosines)).to(cosines))
    own = torch.arange(len(logits)).to(logits.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


def train(
    state: Path, budget: Budget, *, batch: int = 64, device: str = "auto", pairs: Pairs | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> Run:  # fmt: skip
    pairs, acc = pairs or Pairs.open(state), accelerator(device)
    torch.manual_seed(1)
    network = SmallIdentity(widths, side=pairs.variants.shape[1]).to(acc.device)
    recipe = Recipe(lr=2e-3, weight_decay=0.05, ema=0.995, warmup=50)
    run = Run(state / FOLDER, {"identity": network}, recipe, budget, seed=1)
    indices = pairs.train()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        chosen = rng.choice(indices, min(batch, len(indices)), replace=False)
        both = augment(torch.cat(pairs.images(chosen))).to(acc.device)
        with acc.autocast():
            identities = network(both)
        run.update(margin_loss(*identities.chunk(2)))
        if run.step % 200 == 0:
            print(f"\nidentity step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}", flush=True)
    return run


def roc_auc(same: Float[Tensor, " n"], different: Float[Tensor, " m"]) -> float:
    """Area under the ROC curve: how often a same pair is above a different one; ties count half."""
    order = torch.sort(different).values
    below, not_above = torch.searchsorted(order, same), torch.searchsorted(order, same, right=True)
    return float((below + not_above).double().mean() / (2 * len(order)))


@torch.no_grad()
def measure(network: SmallIdentity, pairs: Pairs) -> str:
    """Verification and retrieval on held-out avatars, with the same outfit and with another one."""
    lines = []
    for outfit in (False, True):
        indices = pairs.held_out(outfit=outfit)
        first, second = (network.embed_faces(part) for part in pairs.images(indices))
        cosines, similar = first @ second.T, _similar(pairs, indices)
        own = torch.eye(len(cosines), dtype=torch.bool)
        same, others = cosines[own], cosines[~own]
        top1 = float((cosines.argmax(1) == torch.arange(len(cosines))).float().mean())
        lines.append(
            f"{'another outfit' if outfit else 'same outfit'}: AUC {roc_auc(same, others):.4f}, against the "
            f"{int((similar & ~own).sum())} pairs with equal {', '.join(SIMILAR)} "
            f"{roc_auc(same, cosines[similar & ~own]):.4f}; top-1 retrieval (of {len(cosines)}) {top1:.3f}; "
            f"mean cosine of same identities {same.mean():.2f}, of different ones {others.mean():.2f}"
        )
    return "\n".join(lines)


def _similar(pairs: Pairs, indices: np.ndarray) -> Bool[Tensor, "n n"]:
    kinds = [tuple(getattr(pairs.dataset.attributes[row], name) for name in SIMILAR) for row in pairs.rows[indices]]
    return torch.tensor([[one == other for other in kinds] for one in kinds])


def trained(state: Path, widths: tuple[int, ...] = WIDTHS, side: int = 64) -> SmallIdentity:
    network = SmallIdentity(widths, side=side)
    load_averaged(state / FOLDER, "identity", network)
    return network


def export(network: SmallIdentity, out: Path) -> None:
    """Write ``out/identity.safetensors`` in float16, for `inst.perceptual.identity.load_identity`."""
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    write_safetensors(out / "identity.safetensors", tensors, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    add_budget(parser, minutes=10)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder in which identity.safetensors is written at the end")
    args = parser.parse_args()
    pairs = Pairs.open(args.state)
    train(args.state, budget_of(args), device=args.device, pairs=pairs)
    network = trained(args.state)
    print(measure(network, pairs))
    if args.out is not None:
        export(network, args.out)


if __name__ == "__main__":
    main()
