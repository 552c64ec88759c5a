"""The folder of the embedded generator, `python -m miniature.avatars.bundle --state DIR --exports DIR --out DIR`.

``--exports`` is where `generator`, `encoder`, `clip` and `identity` wrote what they trained. From it follow, by
the product's own commands, what global directions need and an FFCLIP network; both are kept in ``--state`` under a name
that is made from all they depend on, so that a later call makes anew only what changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inst.assets import AVATARS
from inst.commands.common.unfinished import Unfinished
from inst.commands.faces.directions import prepare_directions
from inst.commands.faces.options import DirectionsRun, FfclipRun, GanOptions
from inst.commands.faces.train_editor import train_an_ffclip
from inst.files import write_safetensors
from inst.gan.encoder import load_encoder
from inst.models.vocabulary import WORDS_FILE
from inst.pipelines.faces.embedded import CLIP_FOLDER, FILES
from inst.pipelines.faces.session import FaceSession
from miniature.avatars.data.prompts import known_words, prompts
from miniature.avatars.generator.export import write_sheet
from miniature.common.folders import replacing_folder, scrub
from miniature.common.manifest import NAME as MANIFEST
from miniature.common.manifest import write_manifest

MOST_BYTES = 18_000_000
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
    """What is made of the trained parts.

    Attributes:
        samples: faces that each channel of StyleSpace is tried on.
        statistics: codes that the channels' mean and deviation are taken over.
        ffclip_steps, ffclip_batch, ffclip_codes: of FFCLIP's training, and how many codes it learns on.
        ffclip_text: weight of the text there.
        ffclip_identity: weight of identity there; ``None`` for FFCLIP's own. Little is right: avatars are known by hair
            and skin, which texts are to change.
        examples: seeds of the bundled avatars.
        truncation: of theirs.
    """

    samples: int = 50
    statistics: int = 20_000
    ffclip_steps: int = 8000
    ffclip_batch: int = 4
    ffclip_codes: int = 2000
    ffclip_text: float = FfclipRun.text_weight
    ffclip_identity: float | None = 0.1
    examples: tuple[int, ...] = EXAMPLES
    truncation: float = 0.7


def bundle(state: Path, exports: Path, out: Path, recipe: BundleRecipe, device: str = "auto") -> None:
    """Make the folder, or make it again of what changed.

    Raises:
        SystemExit: a part is missing or was trained for another generator, a step was stopped, or it is all too large.
    """
    parts = {name: exports / FILES.get(name, CLIP_FOLDER) for name in MAKERS}
    for name, path in parts.items():
        if not path.exists():
            raise SystemExit(f"{path} is missing: python -m {MAKERS[name]} {exports} writes it")
    work = state / "bundle"
    work.mkdir(parents=True, exist_ok=True)
    clip = named_clip(parts[CLIP_FOLDER], work)
    networks: dict[str, Any] = {"generator": str(parts["generator"]), "clip": f"local-dir:{clip}"}
    networks |= {"device": device, "dtype": "float32"}
    session = FaceSession(GanOptions(**networks))
    check_encoder(parts["encoder"], session)
    made = {
        "directions": _directions(work, parts, networks, recipe),
        "ffclip": _ffclip(work, parts, networks, recipe),
    }
    codes = torch.cat([session.sample_w(1, seed, recipe.truncation) for seed in recipe.examples])
    with replacing_folder(out) as folder:
        for name in ("generator", "encoder", "identity"):
            shutil.copy(parts[name], folder / FILES[name])
        for name, path in made.items():
            shutil.copy(path, folder / FILES[name])
        shutil.copytree(parts[CLIP_FOLDER], folder / CLIP_FOLDER)
        (folder / WORDS_FILE).write_text("\n".join(known_words()) + "\n", encoding="utf-8")
        metadata = json.dumps({"generator": session.fingerprint, "seeds": list(recipe.examples)})
        write_safetensors(folder / FILES["latents"], {"w_plus": codes.cpu()}, {"inst.codes": metadata})
        scrub(folder)
        (folder / "MODEL_CARD.md").write_text(card(session, parts, recipe, sizes(folder)), encoding="utf-8")
        write_manifest(folder)
        found = sizes(folder)
        if sum(found.values()) > MOST_BYTES:
            raise SystemExit(
                f"the folder would have {sum(found.values())} bytes, at most {MOST_BYTES} are wanted: {found}"
            )
    for name, size in found.items():
        print(f"{size / 1e6:8.2f} MB  {name}")
    print(f"{sum(found.values()) / 1e6:8.2f} MB  {out}")
    write_sheet(work / "examples.png", session.generator(codes).clamp(-1, 1).cpu(), across=6)


def named_clip(folder: Path, work: Path) -> Path:
    """The same folder under the name that files are to call the CLIP, which is its folder's."""
    link = work / AVATARS
    link.unlink(missing_ok=True)
    link.symlink_to(folder.resolve(), target_is_directory=True)
    return link.absolute()


def check_encoder(path: Path, session: FaceSession) -> None:
    """Raises:
    SystemExit: it was trained for another generator.
    """
    if load_encoder(path, session.placement).generator != session.fingerprint:
        raise SystemExit(f"{path} was trained for another generator: python -m {MAKERS['encoder']} makes it anew")


def _directions(work: Path, parts: dict[str, Path], networks: dict[str, Any], recipe: BundleRecipe) -> Path:
    settings: dict[str, Any] = {"samples": recipe.samples, "statistics_samples": recipe.statistics}
    path = work / f"directions-{key(settings, parts['generator'], parts[CLIP_FOLDER])}.safetensors"
    run = DirectionsRun(**networks, identity="none", **settings, output=str(path), resume=True)
    return _made(path, lambda: prepare_directions(run))


def _ffclip(work: Path, parts: dict[str, Path], networks: dict[str, Any], recipe: BundleRecipe) -> Path:
    settings: dict[str, Any] = {
        "max_train_steps": recipe.ffclip_steps,
        "batch_size": recipe.ffclip_batch,
        "samples": recipe.ffclip_codes,
        "text_weight": recipe.ffclip_text,
        "identity_weight": recipe.ffclip_identity,
    }
    words = work / "prompts.txt"
    words.write_text("\n".join(prompts()) + "\n", encoding="utf-8")
    made_of = (parts["generator"], parts[CLIP_FOLDER], parts["identity"], words)
    path = work / f"ffclip-{key(settings, *made_of)}.safetensors"
    networks = networks | {"identity": str(parts["identity"])}
    run = FfclipRun(**networks, **settings, prompts=str(words), output=str(path), resume=True)
    return _made(path, lambda: train_an_ffclip(run))


def _made(path: Path, make: Callable[[], int]) -> Path:
    if not Unfinished(path).is_done and make() != 0:
        raise SystemExit(f"{path.name} was stopped; call the same command again to go on")
    return path


def key(settings: dict[str, Any], *files: Path) -> str:
    """A hash of settings and of the files, or of all in a folder."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for file in files:
        for path in sorted(file.rglob("*")) if file.is_dir() else [file]:
            digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:12]


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file and of each folder in it."""
    return {
        path.name: sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
        for path in sorted(folder.iterdir())
    }


def card(session: FaceSession, parts: dict[str, Path], recipe: BundleRecipe, found: dict[str, int]) -> str:
    """The model card, its numbers filled in."""
    encoder, config = load_encoder(parts["encoder"], session.placement), session.generator.config
    megabytes = {path.removesuffix(".safetensors"): f"{size / 1e6:.1f} MB" for path, size in found.items()}
    return CARD.read_text(encoding="utf-8").format(
        **megabytes,
        total=f"{sum(found.values()) / 1e6:.1f} MB",
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
    parser.add_argument("--state", type=Path, required=True, help="folder for what is made on the way")
    parser.add_argument("--exports", type=Path, required=True, help="folder of the trained parts")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make: inst/assets/avatars")
    usual = BundleRecipe()
    parser.add_argument("--samples", type=int, default=usual.samples, help="faces that a channel is tried on")
    parser.add_argument("--ffclip-steps", type=int, default=usual.ffclip_steps)
    parser.add_argument(
        "--ffclip-identity", type=float, default=usual.ffclip_identity, help="weight of identity in FFCLIP's training"
    )
    parser.add_argument("--examples", type=int, nargs="+", default=usual.examples, help="seeds of the bundled avatars")
    parser.add_argument("--device", default="auto", help="auto or cpu")
    args = parser.parse_args()
    recipe = BundleRecipe(
        samples=args.samples, ffclip_steps=args.ffclip_steps, ffclip_identity=args.ffclip_identity,
        examples=tuple(args.examples),
    )  # fmt: skip
    bundle(args.state, args.exports, args.out, recipe, args.device)


if __name__ == "__main__":
    main()
