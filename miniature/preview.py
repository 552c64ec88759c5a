"""Look at it: photos in unseen paintings' hands, `python -m miniature.preview --state DIR --out sheet.png`.

A sampler of its own, a few lines long, so that the recipe does not need the toolkit.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor

from inst.inversion.attention import AttentionInversion
from miniature import diffusion
from miniature.data import load as load_image
from miniature.data import square
from miniature.embed import style_embedding
from miniature.export import trained
from miniature.measure import colour_distance, stroke_distance, structure_distance
from miniature.pictures import Pictures, to_tensor
from miniature.schedule import scheduler
from miniature.training import accelerator


@dataclass(frozen=True)
class Session:
    """All trained parts, ready to paint at 256 px."""

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    inversion: AttentionInversion
    text: diffusion.TextSide
    alpha_bar: Tensor

    @classmethod
    def open(cls, state: Path) -> Session:
        parts: dict[str, Any] = trained(state)
        text = diffusion.TextSide(parts["clip_model"], parts["tokenizer"])
        return cls(parts["vae"], parts["unet"], parts["inversion"], text, scheduler().alphas_cumprod)

    def word(self, painting: np.ndarray) -> Tensor:
        """Token vectors (1, 4, d) of a (256, 256, 3) uint8 painting."""
        pooled, patches = style_embedding(self.text.model, [painting])
        return self.inversion(pooled.float(), patches.float())

    def paint(
        self, photos: list[np.ndarray], prompt: str, vectors: Tensor | None, *, strength: float = 0.6, steps: int = 25,
        guidance: float = 4.0, invert: bool = True, seed: int = 0,
    ) -> list[np.ndarray]:  # fmt: skip
        """Photos, (256, 256, 3) uint8, restyled by stochastic inversion (or by plain noise with ``invert`` off)."""
        count = len(photos)
        x0 = self.vae.encode(to_tensor(photos)).latent_dist.mean.float()
        eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed)).to(x0)
        style = self.text([prompt], vectors).float().expand(count, -1, -1)
        empty = self.text([""]).float().expand(count, -1, -1)
        t = min(int(strength * 1000), 999)
        a = self.alpha_bar[t]
        xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
        if invert:
            eps = self.unet(xt, t, encoder_hidden_states=style).sample.float()
            xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
        gap = 1000 // steps
        times = [1 + gap * k for k in reversed(range(int(strength * steps)))]
        for now, after in zip(times, [*times[1:], 0], strict=True):
            both = self.unet(torch.cat([xt, xt]), now, encoder_hidden_states=torch.cat([empty, style])).sample.float()
            low, high = both.chunk(2)
            eps = low + guidance * (high - low)
            a, b = self.alpha_bar[now], self.alpha_bar[after]
            clean = (xt - (1 - a).sqrt() * eps) / a.sqrt()
            xt = b.sqrt() * clean + (1 - b).sqrt() * eps
        out = self.vae.decode(xt).sample.float().clamp(-1, 1)
        return [((x + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy() for x in out]


def held_back(state: Path, photos: int, styles: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Photos and style pictures that training never saw: real paintings and held-out styles in turn."""
    pictures = Pictures.open(state)
    groups, rng = pictures.groups("val"), np.random.default_rng(seed)

    def some(kind: str, count: int) -> list[np.ndarray]:
        chosen = rng.choice(len(groups[kind]), count, replace=len(groups[kind]) < count)
        return [np.array(pictures.pixels[groups[kind][i][0]["row"]]) for i in chosen]

    art = some("painting", styles - styles // 2) + some("style", styles // 2)
    return some("photo", photos), art


def read_folder(folder: Path) -> list[np.ndarray]:
    """Pictures of a folder as (256, 256, 3) uint8 squares."""
    images = [load_image(p) for p in sorted(folder.iterdir()) if p.suffix in (".jpg", ".png", ".webp")]
    return [np.round(square(x, None) * 255).astype(np.uint8) for x in images if x is not None]


def summary(scores: np.ndarray) -> None:
    """Print means and wins; columns: colour and strokes of photo, plain and ours, then structure of the latter two."""
    colour, strokes, structure = scores[:, :3], scores[:, 3:6], scores[:, 6:]
    for name, part in (("colour", colour), ("strokes", strokes)):
        photo, plain, ours = part.mean(0)
        wins = (part[:, 2] < part[:, 1]).mean()
        print(f"{name}: photo {photo:.4f} plain {plain:.4f} ours {ours:.4f}, nearer than plain in {wins:.0%}")
    print("structure lost: plain {:.3f} ours {:.3f}".format(*structure.mean(0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--styles", type=Path, help="a folder of paintings instead of the held-back ones")
    parser.add_argument("--content", type=Path, help="a folder of photos instead of the held-back ones")
    parser.add_argument("--count", type=int, nargs=2, default=(4, 8), metavar=("PHOTOS", "PAINTINGS"))
    parser.add_argument("--strength", type=float, default=0.6)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--prompt", default="[C]")
    parser.add_argument("--measure", action="store_true", help="compare with plain img2img and the photo itself")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    session = Session.open(args.state)
    photos, art = held_back(args.state, *args.count, seed=args.seed)
    art = read_folder(args.styles) if args.styles else art
    photos = read_folder(args.content) if args.content else photos
    options = {"strength": args.strength, "steps": args.steps, "guidance": args.guidance}
    rows = [np.concatenate([np.full_like(photos[0], 255), *photos], 1)]
    acc = accelerator("cpu")
    with torch.no_grad(), acc.autocast():
        plain = session.paint(photos, "a painting", None, invert=False, **options) if args.measure else []
        scores = []
        for painting in art:
            out = session.paint(photos, args.prompt, session.word(painting), **options)
            rows.append(np.concatenate([painting, *out], 1))
            for photo, other, ours in zip(photos, plain, out, strict=False):
                scores.append(
                    [f(x, painting) for f in (colour_distance, stroke_distance) for x in (photo, other, ours)]
                    + [structure_distance(x, photo) for x in (other, ours)]
                )
    cv2.imwrite(str(args.out), np.concatenate(rows, 0)[..., ::-1])
    if scores:
        summary(np.array(scores))


if __name__ == "__main__":
    main()
