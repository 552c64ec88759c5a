"""What the commands of the GAN side take."""

from __future__ import annotations

from dataclasses import dataclass

from inst.commands.diffusion.options import ComputeOptions
from inst.options import check_options, option
from inst.pipelines.faces.training_settings import (
    DirectionsSettings,
    FfclipTrainingSettings,
    MapperTrainingSettings,
)


@dataclass(frozen=True, kw_only=True)
class GanOptions(ComputeOptions):
    """Which generator, and the networks that look at its pictures."""

    generator: str = option(
        "avatars",
        "StyleGAN2: avatars (embedded), rosinality's .pt, NVIDIA's StyleGAN2-ADA .pkl, or inst's .safetensors",
    )
    clip: str = option(
        "auto",
        "CLIP: open_clip name[/tag], local-dir:folder, hf:id, avatars or mini (embedded); auto: avatars for that "
        "generator, else ViT-B-32",
    )
    identity: str | None = option(
        None,
        "ArcFace (model_ir_se50.pth) or a network of ours: keeps faces who they are, measures it (default: for avatars "
        "its own; none for none)",
    )


@dataclass(frozen=True, kw_only=True)
class FaceOptions(ComputeOptions):
    """Photos, and where the faces in them are."""

    photos: tuple[str, ...] = option((), "photos, or folders of photos", positional=True)
    landmarks: str | None = option(
        None,
        "68 points a face (.npy, .json or text), or a folder with such a file for each photo (default: found by the "
        "package face-alignment)",
    )
    face: int | None = option(None, "which face of a photo, the largest is 0", low=0, high=999)
    all: bool = option(False, "every face of a photo")
    overwrite: bool = option(False, "replace files that are already there")


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(FaceOptions, GanOptions):
    """How faces come into the generator's space."""

    encoder: str | None = option(
        None,
        "e4e for this generator (default: for avatars its own, else none: faces are found by optimisation)",
    )
    aligned: bool = option(
        False, "the photos are aligned faces already (inst align); square pictures are for the generator avatars"
    )
    invert_steps: int | None = option(
        None, "steps of optimisation (default: 0 after an encoder, else 200)", low=0, high=10_000
    )


@dataclass(frozen=True, kw_only=True)
class EditRun(EncodeOptions):
    """Edit faces by text."""

    text: str | None = option(None, "what the picture should show, as: a face with glasses")
    neutral: str | None = option(
        None, "what it shows now, for --method directions (default: face; for the generator avatars: a face)"
    )
    method: str = option(
        "auto",
        "auto: the one whose file is given, else directions for the generator avatars, and optimize for others",
        choices=("auto", "optimize", "mapper", "directions", "ffclip"),
    )
    random: int = option(0, "edit so many faces that the generator makes up", low=0, high=64)
    truncation: float = option(0.7, "how near to the average those are: 0 average, 1 as they come", low=0.0, high=2.0)
    latents: str | None = option(
        None, "edit stored codes: W+ as .npy, .pt or .safetensors; avatars for all that are embedded"
    )
    seed: int = option(0, "seed; without any face it chooses one of the embedded avatars", low=0, high=2**32 - 1)
    strength: float = option(1.0, "how much of the edit is made: 0 none, negative the opposite", low=-10.0, high=10.0)
    steps: int = option(100, "of --method optimize", low=1, high=10_000)
    learning_rate: float = option(0.1, "of --method optimize", low=1e-6, high=10.0)
    l2: float | None = option(
        None,
        "of --method optimize: how much a code's way weighs (default: 0.008 as published; avatars: 0.002)",
        low=0.0,
        high=100.0,
    )
    identity_weight: float | None = option(
        None, "of --method optimize (default: 0.005 with --identity, else 0)", low=0.0, high=100.0
    )
    pixel_weight: float | None = option(
        None,
        "of --method optimize: how much every pixel that changes weighs (default: 0 as published; avatars: 2)",
        low=0.0,
        high=1000.0,
    )
    jitter: float | None = option(
        None,
        "of --method optimize: noise and shifts that CLIP looks through (default: 0 as published; avatars: 0.1)",
        low=0.0,
        high=1.0,
    )
    space: str = option("w_plus", "of --method optimize: what is changed", choices=("w_plus", "styles"))
    alpha: float | None = option(
        None,
        "of --method directions: how far, published -10 to 10 (default: 3; avatars: as far as each face needs)",
        low=-30.0,
        high=30.0,
    )
    beta: float | None = option(
        None,
        "of --method directions: channels of less relevance stay (default: chosen so that enough are left)",
        low=0.0,
        high=1.0,
    )
    mapper: str | None = option(None, "of --method mapper: inst mapper train's file, or StyleCLIP's .pt")
    directions: str | None = option(
        None, "of --method directions: inst directions prepare's file, or fs3.npy (default: for avatars its own)"
    )
    statistics: str | None = option(None, "S_mean_std beside an fs3.npy (default: those in --directions)")
    ffclip: str | None = option(
        None, "of --method ffclip: inst ffclip train's file, or FFCLIP's .pt (default: for avatars its own)"
    )
    batch_size: int = option(8, "faces edited at once, by directions, mapper and ffclip", low=1, high=256)
    edits: tuple[str, ...] = option((), "saved edits instead of a text, as file[:weight]; several are mixed")
    save_edit: str | None = option(None, "write the edit itself, to make it again on other faces (.safetensors)")
    video: str | None = option(None, "write the way to the edit (.gif; .mp4 with the package av)")
    frames: int = option(24, "of --video", low=2, high=600)
    feather: float = option(0.1, "width of the seam around a face put back, as a share of it", low=0.0, high=0.5)
    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    format: str = option("png", "of pictures whose name is not given", choices=("png", "jpg", "webp"))
    metadata: bool = option(True, "--no-metadata leaves the settings out of the pictures")
    from_image: str | None = option(None, "take the settings from a picture made before")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class InvertRun(EncodeOptions):
    """Find the codes of faces, to edit them later."""

    clip: str = option(
        "none", "CLIP that the search listens to, too, avatars for the embedded one; none: pixels and --identity"
    )
    output: str | None = option(None, "codes (default: outputs/PHOTO_w.safetensors)")
    preview: bool = option(True, "write the picture that was found beside the codes")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class AlignRun(FaceOptions):
    """Cut faces out of photos as face models want them."""

    size: int = option(1024, "side in pixels", low=64, high=4096)
    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    format: str = option("png", "of pictures whose name is not given", choices=("png", "jpg", "webp"))

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class UnfinishedOptions:
    """Where the result of a long run goes, and whether a stopped one is continued."""

    output: str | None = option(None, "file to write (.safetensors)")
    resume: bool = option(False, "continue a run that was stopped")
    overwrite: bool = option(False, "replace a file that is already there")


@dataclass(frozen=True, kw_only=True)
class DirectionsRun(DirectionsSettings, UnfinishedOptions, GanOptions):
    """Measure what each channel of a generator changes for CLIP, which global directions need."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(UnfinishedOptions, GanOptions):
    """The latent codes that mapper and FFCLIP are trained on."""

    latents: str | None = option(
        None, "latent codes to learn from: W+ as .npy, .pt or .safetensors (default: random ones)"
    )
    validation_latents: str | None = option(
        None, "latent codes to validate with: W+ as .npy, .pt or .safetensors (default: random ones)"
    )


@dataclass(frozen=True, kw_only=True)
class MapperRun(MapperTrainingSettings, TrainingOptions):
    """Train a mapper for one text."""

    text: str | None = option(None, "what the edited faces should show")


@dataclass(frozen=True, kw_only=True)
class FfclipRun(FfclipTrainingSettings, TrainingOptions):
    """Train FFCLIP on a list of texts."""

    prompts: str | None = option(None, "text file with a prompt a line")
