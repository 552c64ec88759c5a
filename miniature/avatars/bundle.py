"""Build the folder of the embedded generator: `python -m miniature.avatars.bundle --state DIR --exports DIR --out DIR`.

``--exports`` contains the files written by `generator`, `encoder`, `clip` and `identity`. Global directions and an
FFCLIP network are prepared from them; both are cached in ``--state`` under a hash of everything they depend on, so that
a later call rebuilds only what has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inst import FaceSession, FfclipTrainingSettings, load_generator
from inst.assets import AVATAR_FILES, AVATARS, CLIP_FOLDER
from inst.files import write_safetensors
from inst.gan.encoder import load_encoder
from inst.models.vocabulary import WORDS_FILE
from miniature.avatars.data.prompts import known_words, prompts
from miniature.avatars.generator.export import write_sheet
from miniature.common.folders import remove_paths, replacing_folder
from miniature.common.manifest import NAME as MANIFEST
from miniature.common.manifest import write_manifest
from miniature.common.resumable import make_once

MAX_BYTES = 18_000_000
EXAMPLES = tuple(range(12))
CARD = Path(__file__).with_name("card.md")
MAKERS = {
    "generator": "miniature.avatars.generator --out",
    "encoder": "miniature.avatars.encoder --out",
    "identity": "miniature.avatars.identity --out",
    CLIP_FOLDER: "miniature.avatars.clip --out",
}


@dataclass(frozen=True, kw_only=True)
class BundleRecipe:
    """Settings of the files that are prepared from the trained parts.

    Attributes:
        samples: faces on which each channel of StyleSpace is measured.
        statistics: number of codes for the channels' means and standard deviations.
        ffclip_steps, ffclip_batch, ffclip_codes: steps, batch size and number of codes of FFCLIP's training.
        ffclip_text: weight of its text loss.
        ffclip_identity: weight of its identity loss; ``None`` for FFCLIP's default. It is low because the identity of
            avatars depends on hair and skin, which texts should be able to change.
        examples: seeds of the bundled avatars.
        truncation: truncation ψ of the bundled avatars.
    """

    samples: int = 50
    statistics: int = 20_000
    ffclip_steps: int = 8000
    ffclip_batch: int = 4
    ffclip_codes: int = 2000
    ffclip_text: float = FfclipTrainingSettings.text_weight
    ffclip_identity: float | None = 0.1
    examples: tuple[int, ...] = EXAMPLES
    truncation: float = 0.7


def bundle(state: Path, exports: Path, out: Path, recipe: BundleRecipe, device: str = "auto") -> None:
    """Build the folder, or rebuild what has changed.

    Raises:
        SystemExit: a part is missing or was trained for another generator, a step was interrupted, or the folder is too
            large.
    """
    parts = {name: exports / AVATAR_FILES.get(name, CLIP_FOLDER) for name in MAKERS}
    for name, path in parts.items():
        if not path.exists():
            raise SystemExit(f"{path} is missing: python -m {MAKERS[name]} {exports} writes it")
    work = state / "bundle"
    work.mkdir(parents=True, exist_ok=True)
    clip = linked_clip(parts[CLIP_FOLDER], work)
    session = load_generator(
        parts["generator"], clip=f"local-dir:{clip}", identity=parts["identity"], device=device, dtype="float32"
    )
    check_encoder(parts["encoder"], session)
    prepared = {
        "directions": _directions(work, parts, session, recipe),
        "ffclip": _ffclip(work, parts, session, recipe),
    }
    codes = torch.cat([session.sample_w(1, seed, recipe.truncation) for seed in recipe.examples])
    with replacing_folder(out) as folder:
        for name in ("generator", "encoder", "identity"):
            shutil.copy(parts[name], folder / AVATAR_FILES[name])
        for name, path in prepared.items():
            shutil.copy(path, folder / AVATAR_FILES[name])
        shutil.copytree(parts[CLIP_FOLDER], folder / CLIP_FOLDER)
        (folder / WORDS_FILE).write_text("\n".join(known_words()) + "\n", encoding="utf-8")
        metadata = json.dumps({"generator": session.fingerprint, "seeds": list(recipe.examples)})
        write_safetensors(folder / AVATAR_FILES["latents"], {"w_plus": codes.cpu()}, {"inst.codes": metadata})
        remove_paths(folder)
        (folder / "MODEL_CARD.md").write_text(card(session, parts, recipe, sizes(folder)), encoding="utf-8")
        write_manifest(folder)
        file_sizes = sizes(folder)
        if sum(file_sizes.values()) > MAX_BYTES:
            raise SystemExit(
                f"the folder would have {sum(file_sizes.values())} bytes, more than {MAX_BYTES}: {file_sizes}"
            )
    for name, size in file_sizes.items():
        print(f"{size / 1e6:8.2f} MB  {name}")
    print(f"{sum(file_sizes.values()) / 1e6:8.2f} MB  {out}")
    write_sheet(work / "examples.png", session.generator(codes).clamp(-1, 1).cpu(), columns=6)


def linked_clip(folder: Path, work: Path) -> Path:
    """A link to the CLIP's folder with the name by which prepared files refer to the CLIP."""
    link = work / AVATARS
    link.unlink(missing_ok=True)
    link.symlink_to(folder.resolve(), target_is_directory=True)
    return link.absolute()


def check_encoder(path: Path, session: FaceSession) -> None:
    """Raises:
    SystemExit: the encoder was trained for another generator.
    """
    if load_encoder(path, session.placement).generator != session.fingerprint:
        raise SystemExit(f"{path} was trained for another generator: python -m {MAKERS['encoder']} trains a new one")


def _directions(work: Path, parts: dict[str, Path], session: FaceSession, recipe: BundleRecipe) -> Path:
    settings: dict[str, Any] = {"samples": recipe.samples, "statistics_samples": recipe.statistics}
    path = work / f"directions-{key(settings, parts['generator'], parts[CLIP_FOLDER])}.safetensors"
    return make_once(
        path,
        lambda **resumed: session.prepare_directions_steps(**settings, **resumed),
        lambda last: last.directions,
        "measuring channels",
    )


def _ffclip(work: Path, parts: dict[str, Path], session: FaceSession, recipe: BundleRecipe) -> Path:
    settings: dict[str, Any] = {
        "max_train_steps": recipe.ffclip_steps,
        "batch_size": recipe.ffclip_batch,
        "samples": recipe.ffclip_codes,
        "text_weight": recipe.ffclip_text,
        "identity_weight": recipe.ffclip_identity,
    }
    words = work / "prompts.txt"
    words.write_text("\n".join(prompts()) + "\n", encoding="utf-8")
    sources = (parts["generator"], parts[CLIP_FOLDER], parts["identity"], words)
    path = work / f"ffclip-{key(settings, *sources)}.safetensors"
    return make_once(
        path,
        lambda **resumed: session.train_ffclip_steps(prompts(), **settings, **resumed),
        lambda last: last.editor(),
        "training FFCLIP",
    )


def key(settings: dict[str, Any], *files: Path) -> str:
    """Hash of settings and of files or folders."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for file in files:
        for path in sorted(file.rglob("*")) if file.is_dir() else [file]:
            digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:12]


def sizes(folder: Path) -> dict[str, int]:
    """Size in bytes of each file and subfolder."""
    return {
        path.name: sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
        for path in sorted(folder.iterdir())
    }


def card(session: FaceSession, parts: dict[str, Path], recipe: BundleRecipe, file_sizes: dict[str, int]) -> str:
    """The model card with its numbers filled in."""
    encoder, config = load_encoder(parts["encoder"], session.placement), session.generator.config
    megabytes = {path.removesuffix(".safetensors"): f"{size / 1e6:.1f} MB" for path, size in file_sizes.items()}
    return CARD.read_text(encoding="utf-8").format(
        **megabytes,
        total=f"{sum(file_sizes.values()) / 1e6:.1f} MB",
        side=config.resolution,
        w_width=config.w_width,
        parameters=f"{sum(p.numel() for p in session.generator.parameters()) / 1e6:.1f} M",
        encoder_parameters=f"{sum(p.numel() for p in encoder.network.parameters()) / 1e6:.1f} M",
        least_psnr="not measured" if encoder.least_psnr is None else f"{encoder.least_psnr:.1f} dB",
        clip_width=session.clip.embed_dim,
        prompts=len(prompts()),
        samples=recipe.samples,
        ffclip_steps=recipe.ffclip_steps,
        num_examples=len(recipe.examples),
        manifest=MANIFEST,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="folder for intermediate files")
    parser.add_argument("--exports", type=Path, required=True, help="folder of the trained parts")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, such as inst/assets/avatars")
    defaults = BundleRecipe()
    parser.add_argument("--samples", type=int, default=defaults.samples, help="faces on which each channel is measured")
    parser.add_argument("--ffclip-steps", type=int, default=defaults.ffclip_steps)
    parser.add_argument(
        "--ffclip-identity", type=float, default=defaults.ffclip_identity, help="weight of FFCLIP's identity loss"
    )
    parser.add_argument(
        "--examples", type=int, nargs="+", default=defaults.examples, help="seeds of the bundled avatars"
    )
    parser.add_argument("--device", default="auto", help="auto or cpu")
    args = parser.parse_args()
    recipe = BundleRecipe(
        samples=args.samples, ffclip_steps=args.ffclip_steps, ffclip_identity=args.ffclip_identity,
        examples=tuple(args.examples),
    )  # fmt: skip
    bundle(args.state, args.exports, args.out, recipe, args.device)


if __name__ == "__main__":
    main()
