"""A network that tells avatars apart, `python -m miniature.avatars.identity --state DIR`; reads ``DIR/avatars.npy``.

An avatar with another expression, pose and light is the same one, in half of the pairs in another outfit too. So what
pairs share is the face and the hair, and neither background nor clothes can stand for them. The file is what
`inst edit --identity` takes.
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
from miniature.avatars.data.augment import imperfect
from miniature.avatars.data.dataset import Crowd, as_pictures
from miniature.avatars.data.variants import write_moments
from miniature.common.training import Budget, Recipe, Run, accelerator, add_budget, budget_of, load_averaged

FOLDER, PAIRS, HELD_PAIRS = "identity", 6000, 300
SCALE, MARGIN = 16.0, 0.2
ALIKE = ("figure", "skin", "hair")
"""Two avatars that agree in these are hard to tell apart."""


@dataclass(frozen=True)
class Pairs:
    """Avatars and the same ones at other moments, both in [-1, 1] once asked for.

    Args:
        rows: of the crowd, one for each moment.
        outfit: which moments are in another outfit.
    """

    crowd: Crowd
    rows: np.ndarray
    outfit: np.ndarray
    moments: np.ndarray

    @classmethod
    def open(cls, state: Path, pairs: int = PAIRS, held: int = HELD_PAIRS) -> Pairs:
        """Of an avatar to train on one moment, of one that is held back two: with the outfit it had, and another."""
        crowd = Crowd.open(state)
        tasks = [(row, bool(row % 2)) for row in crowd.train[:pairs]]
        tasks += [(row, outfit) for row in crowd.held[:held] for outfit in (False, True)]
        moments = write_moments(state / FOLDER, tasks, crowd.seed, crowd.pixels.shape[1])
        rows, outfit = (np.array(column) for column in zip(*tasks, strict=True))
        return cls(crowd, rows, outfit, moments)

    def train(self) -> np.ndarray:
        """Places of moments to train on."""
        return np.flatnonzero(self.rows < self.crowd.train.stop)

    def held(self, *, outfit: bool) -> np.ndarray:
        return np.flatnonzero((self.rows >= self.crowd.held.start) & (self.outfit == outfit))

    def pictures(self, places: np.ndarray) -> tuple[Tensor, Tensor]:
        return self.crowd.pictures(self.rows[places]), as_pictures(self.moments[places])


def margin_loss(first: Identity, second: Identity) -> Float[Tensor, ""]:
    """Each must be nearer to its own pair than to all others by a margin of the cosine (Wang et al. 2018, CosFace)."""
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
    network = SmallIdentity(widths, side=pairs.moments.shape[1]).to(acc.device)
    recipe = Recipe(lr=2e-3, weight_decay=0.05, ema=0.995, warmup=50)
    run = Run(state / FOLDER, {"identity": network}, recipe, budget, seed=1)
    places = pairs.train()
    for rng in tqdm(run.steps(), mininterval=20, initial=run.step):
        chosen = rng.choice(places, min(batch, len(places)), replace=False)
        both = imperfect(torch.cat(pairs.pictures(chosen))).to(acc.device)
        with acc.autocast():
            identities = network(both)
        run.update(margin_loss(*identities.chunk(2)))
        if run.step % 200 == 0:
            print(f"\nidentity step {run.step} {run.seconds / 60:.1f} min loss {run.last_loss:.3f}", flush=True)
    return run


def area(same: Float[Tensor, " n"], different: Float[Tensor, " m"]) -> float:
    """Under the ROC curve: how often the same avatar is nearer than a different one; ties count half."""
    order = torch.sort(different).values
    below, not_above = torch.searchsorted(order, same), torch.searchsorted(order, same, right=True)
    return float((below + not_above).double().mean() / (2 * len(order)))


@torch.no_grad()
def measure(network: SmallIdentity, pairs: Pairs) -> str:
    """Lines for the held-back avatars in the outfit they had, and in another."""
    lines = []
    for outfit in (False, True):
        places = pairs.held(outfit=outfit)
        first, second = (network.embed_faces(part) for part in pairs.pictures(places))
        cosines, alike = first @ second.T, _alike(pairs, places)
        own = torch.eye(len(cosines), dtype=torch.bool)
        same, others = cosines[own], cosines[~own]
        found = float((cosines.argmax(1) == torch.arange(len(cosines))).float().mean())
        lines.append(
            f"{'another outfit' if outfit else 'the same outfit'}: AUC {area(same, others):.4f}, against the "
            f"{int((alike & ~own).sum())} with equal {', '.join(ALIKE)} {area(same, cosines[alike & ~own]):.4f}; "
            f"found among {len(cosines)} {found:.3f}; mean cosine {same.mean():.2f}, of others {others.mean():.2f}"
        )
    return "\n".join(lines)


def _alike(pairs: Pairs, places: np.ndarray) -> Bool[Tensor, "n n"]:
    kinds = [tuple(getattr(pairs.crowd.attributes[row], name) for name in ALIKE) for row in pairs.rows[places]]
    return torch.tensor([[one == other for other in kinds] for one in kinds])


def trained(state: Path, widths: tuple[int, ...] = WIDTHS, side: int = 64) -> SmallIdentity:
    network = SmallIdentity(widths, side=side)
    load_averaged(state / FOLDER, "identity", network)
    return network


def export(network: SmallIdentity, out: Path) -> None:
    """Write ``out/identity.safetensors``, float16, for `inst.perceptual.identity.load_identity`."""
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    write_safetensors(out / "identity.safetensors", tensors, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    add_budget(parser, minutes=10)
    parser.add_argument("--device", default="auto", help="auto or cpu")
    parser.add_argument("--out", type=Path, help="folder to write identity.safetensors to at the end")
    args = parser.parse_args()
    pairs = Pairs.open(args.state)
    train(args.state, budget_of(args), device=args.device, pairs=pairs)
    network = trained(args.state)
    print(measure(network, pairs))
    if args.out is not None:
        export(network, args.out)


if __name__ == "__main__":
    main()
