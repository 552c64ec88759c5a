"""Step 4: compute latents and CLIP embeddings of every picture once, for the U-Net's training.

`python -m miniature.diffusion.embed --state DIR --what clip|latents|all`; an interrupted run is resumed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from miniature.common.training import accelerator
from miniature.diffusion import autoencoder, clip
from miniature.diffusion.data.dataset import Pictures, to_tensor

Rng = np.random.Generator
SHAPES = {"latents": (4, 64, 64), "sources": (4, 64, 64), "pooled": (clip.EMBED,), "patches": (320, clip.EMBED)}


def _open(state: Path, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """An array, and flags that say which of its rows have been written."""
    path, flags = state / f"{name}.npy", state / f"{name}-ready.npy"
    if not flags.exists():
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, *SHAPES[name])).flush()
        np.lib.format.open_memmap(flags, mode="w+", dtype=np.uint8, shape=(count,)).flush()
    return np.load(path, mmap_mode="r+"), np.load(flags, mmap_mode="r+")


@dataclass(frozen=True)
class Features:
    """Latents and embeddings of the pictures, memory-mapped."""

    arrays: dict[str, np.ndarray]
    flags: dict[str, np.ndarray]

    @classmethod
    def open(cls, state: Path) -> Features:
        count = len(np.load(state / "pictures.npy", mmap_mode="r"))
        opened = {name: _open(state, name, count) for name in SHAPES}
        return cls({k: v[0] for k, v in opened.items()}, {k: v[1] for k, v in opened.items()})

    def ready(self, row: int, source: int | None = None) -> bool:
        """Whether a picture's latents and the embedding of ``source`` exist; training may start before all of them."""
        return bool(self.flags["latents"][row]) and (source is None or bool(self.flags["pooled"][source]))

    def latents_of(self, rows: list[int], shape: tuple[int, int], rng: Rng) -> tuple[Tensor, Tensor]:
        """Random crops (b, 4, height, width) of pictures, and the same crops of the photos they were rendered from.

        If there is no photo, the second crop is that of the picture. Both are float32.
        """
        parts, sources = [], []
        for row in rows:
            y, x = (int(rng.integers(0, 64 - side + 1)) for side in shape)
            at = slice(None), slice(y, y + shape[0]), slice(x, x + shape[1])
            source = self.arrays["sources" if self.flags["sources"][row] else "latents"]
            parts.append(self.arrays["latents"][row][at])
            sources.append(source[row][at])
        return tuple(torch.from_numpy(np.stack(crops).astype(np.float32)) for crops in (parts, sources))  # pyright: ignore[reportReturnType]

    def palette_of(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (b, 4, 1, 1) of the latents of whole pictures."""
        return _palette(torch.from_numpy(np.stack([self.arrays["latents"][r] for r in rows]).astype(np.float32)))

    def style_of(self, rows: list[int], keys: int, rng: Rng | None) -> tuple[Tensor, Tensor]:
        """Pooled (b, 1, e) and patch embeddings (b, keys, e), sampled from the 320 (all of them without ``rng``)."""
        pooled = np.stack([self.arrays["pooled"][r] for r in rows]).astype(np.float32)[:, None]
        chosen = [slice(None) if rng is None else np.sort(rng.choice(320, keys, replace=False)) for _ in rows]
        patches = np.stack([self.arrays["patches"][r][c] for r, c in zip(rows, chosen, strict=True)])
        return torch.from_numpy(pooled), torch.from_numpy(patches.astype(np.float32))


class FeaturesOnDevice:
    """The same features in GPU memory (about 4 GB), since loading them would be slower than a small model's step.

    Random numbers come partly from torch's global generator instead of the step's.
    """

    def __init__(self, features: Features, device: torch.device) -> None:
        self.flags = {name: np.array(flags) for name, flags in features.flags.items()}
        arrays = {name: torch.from_numpy(np.asarray(array)).to(device) for name, array in features.arrays.items()}
        self.latents, self.pooled, self.patches = arrays["latents"], arrays["pooled"], arrays["patches"]
        exists = torch.from_numpy(self.flags["sources"].astype(bool)).to(device)
        self.sources = torch.where(exists.view(-1, 1, 1, 1), arrays["sources"], self.latents)

    ready = Features.ready

    def latents_of(self, rows: list[int], shape: tuple[int, int], rng: Rng) -> tuple[Tensor, Tensor]:
        """Like `Features.latents_of`."""
        device = self.latents.device
        corners = (torch.from_numpy(rng.integers(0, 64 - side + 1, (len(rows), 1))).to(device) for side in shape)
        y, x = (corner + torch.arange(side, device=device) for corner, side in zip(corners, shape, strict=True))
        at = torch.tensor(rows, device=device)[:, None, None], slice(None), y[:, :, None], x[:, None, :]
        return tuple(part[at].permute(0, 3, 1, 2).float() for part in (self.latents, self.sources))  # pyright: ignore[reportReturnType]

    def palette_of(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Like `Features.palette_of`."""
        return _palette(self.latents[torch.tensor(rows, device=self.latents.device)].float())

    def style_of(self, rows: list[int], keys: int, rng: Rng | None) -> tuple[Tensor, Tensor]:
        """Like `Features.style_of`."""
        at = torch.tensor(rows, device=self.pooled.device)
        patches = self.patches[at]
        if rng is not None:
            chosen = torch.rand(patches.shape[:2], device=at.device).topk(keys, dim=1).indices
            patches = patches.gather(1, chosen[..., None].expand(-1, -1, patches.shape[-1]))
        return self.pooled[at][:, None].float(), patches.float()


def _palette(latents: Tensor) -> tuple[Tensor, Tensor]:
    return latents.mean((2, 3), keepdim=True), latents.std((2, 3), keepdim=True)


def style_embedding(model: clip.CLIP, images: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Mean pooled (b, 1, e) and all patch embeddings (b, 320, e) of the views of (256, 256, 3) uint8 pictures."""
    flat = to_tensor([view for image in images for view in clip.views(image)])
    pooled, patches = clip.embed(model, flat.to(model.positional_embedding.device))
    count = len(images)
    return pooled.view(count, 5, -1).mean(1, keepdim=True), patches.reshape(count, -1, patches.shape[-1])


def run(state: Path, what: str, device: str = "auto", part: tuple[int, int] = (0, 1)) -> None:
    """Fill the arrays in random order; ``part`` (index, count) divides the work between processes."""
    pictures, features = Pictures.open(state), Features.open(state)
    acc = accelerator(device)
    rows_of = {r["row"]: r for r in pictures.rows if r["split"] == "train"}
    order = list(rows_of)
    np.random.default_rng(11).shuffle(order)
    order = order[part[0] :: part[1]]
    batch = 8
    if what in ("clip", "all"):
        tokenizer = clip.load_tokenizer(state, pictures)
        model = clip.load(state, len(tokenizer)).to(acc.device)
        # Style tokens are never made from photos.
        todo = [r for r in order if not features.flags["pooled"][r] and rows_of[r]["kind"] != "photo"]
        for start in tqdm(range(0, len(todo), batch), desc="clip", mininterval=10):
            rows = todo[start : start + batch]
            with torch.no_grad(), acc.autocast():
                pooled, patches = style_embedding(model, [pictures.pixels[r] for r in rows])
            features.arrays["pooled"][rows] = pooled[:, 0].float().cpu().numpy()
            features.arrays["patches"][rows] = patches.float().cpu().numpy()
            features.flags["pooled"][rows] = 1
    if what in ("latents", "all"):
        vae = autoencoder.load(state).to(acc.device)
        photos = np.load(state / "painted-from.npy", mmap_mode="r")
        todo = [
            (name, pixels, r)
            for r in order
            for name, pixels in (("latents", pictures.pixels), ("sources", photos))
            if not features.flags[name][r] and (name == "latents" or rows_of[r]["kind"] == "style")
        ]
        for start in tqdm(range(0, len(todo), batch), desc="latents", mininterval=10):
            chunk = todo[start : start + batch]
            pixels = to_tensor([pixels[r] for _, pixels, r in chunk]).to(acc.device)
            with torch.no_grad(), acc.autocast():
                latents = vae.encode(pixels).latent_dist.mean.float().cpu().numpy()
            for (name, _, row), latent in zip(chunk, latents, strict=True):
                features.arrays[name][row] = latent
                features.flags[name][row] = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--what", choices=("clip", "latents", "all"), default="all")
    parser.add_argument("--part", default="0/1", help="part of the work, such as 0/2")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    index, count = args.part.split("/")
    run(args.state, args.what, args.device, (int(index), int(count)))


if __name__ == "__main__":
    main()
