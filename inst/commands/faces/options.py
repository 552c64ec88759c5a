"""Options of the face commands: what the command line and YAML files accept."""

from __future__ import annotations

from dataclasses import dataclass

from inst.commands.diffusion.options import ComputeOptions
from inst.options import check_options, option
from inst.pipelines.faces.settings import TRUNCATION, AlignSettings, EncodeSettings, FaceSettings, PhotoEditSettings
from inst.pipelines.faces.training_settings import (
    DirectionsSettings,
    FfclipTrainingSettings,
    MapperTrainingSettings,
)


@dataclass(frozen=True, kw_only=True)
class GanOptions(ComputeOptions):
    """The generator, and the networks that compare its pictures."""

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
        "identity network that preserves and measures a face's identity: ArcFace (model_ir_se50.pth) or one of inst "
        "(default: for avatars its own; none for none)",
    )


@dataclass(frozen=True, kw_only=True)
class FaceOptions(FaceSettings, ComputeOptions):
    """Photos with faces, and how results are written."""

    photos: tuple[str, ...] = option((), "photos, or folders of photos", positional=True)
    overwrite: bool = option(False, "replace files that already exist")


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(EncodeSettings, FaceOptions, GanOptions):
    """How faces are brought into the generator's latent space."""

    encoder: str | None = option(
        None,
        "e4e encoder for this generator (default: for avatars its own, else none, and faces are inverted by "
        "optimisation; none for none)",
    )


@dataclass(frozen=True, kw_only=True)
class EditInputs:
    """What is edited, other than photos, and by which text."""

    text: str | None = option(None, "what the faces should show, such as: a face with glasses")
    random: int = option(0, "number of randomly sampled faces to edit", low=0, high=64)
    truncation: float = option(
        TRUNCATION,
        "truncation ψ of randomly sampled faces: 0 is the mean face, 1 is no truncation",
        low=0.0,
        high=2.0,
    )
    latents: str | None = option(
        None, "edit stored latent codes: W+ as .npy, .pt or .safetensors; avatars for the embedded examples"
    )
    seed: int = option(
        0,
        "seed of the first random face; with no face given, the number of the embedded example",
        low=0,
        high=2**32 - 1,
    )


@dataclass(frozen=True, kw_only=True)
class EditOptions(PhotoEditSettings, EncodeOptions, EditInputs):
    """Edit faces by text."""

    edits: tuple[str, ...] = option((), "apply saved edits instead of a text, as file[:weight]; several are added up")
    save_edit: str | None = option(None, "save the edit (.safetensors), to apply it to other faces with --edits")
    video: str | None = option(None, "write a video of the edit (.gif; .mp4 with the package av)")
    frames: int = option(24, "frames of --video", low=2, high=600)
    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    format: str = option("png", "format of pictures whose name is not given", choices=("png", "jpg", "webp"))
    metadata: bool = option(True, "write the settings into the pictures")
    from_image: str | None = option(None, "use the settings stored in a picture that inst edit made")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class InvertOptions(EncodeOptions):
    """Find the latent codes of faces, to edit them later."""

    clip: str = option(
        "none",
        "CLIP whose embeddings the inversion compares too, avatars for the embedded one; none: pixels and --identity",
    )
    output: str | None = option(None, "file of codes, or folder for several (default: outputs/PHOTO_w.safetensors)")
    preview: bool = option(True, "write the reconstruction beside the codes")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class AlignOptions(AlignSettings, FaceOptions):
    """Crop and align the faces of photos, as face models expect them."""

    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    format: str = option("png", "format of pictures whose name is not given", choices=("png", "jpg", "webp"))

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class UnfinishedOptions:
    """Where the result of a long run goes, and whether a stopped one is continued."""

    output: str | None = option(None, "file to write (.safetensors)")
    resume: bool = option(False, "continue a run that was stopped")
    overwrite: bool = option(False, "replace a file that is already there")


@dataclass(frozen=True, kw_only=True)
class DirectionsOptions(DirectionsSettings, UnfinishedOptions, GanOptions):
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
class MapperOptions(MapperTrainingSettings, TrainingOptions):
    """Train a mapper for one text."""

    text: str | None = option(None, "what the edited faces should show")


@dataclass(frozen=True, kw_only=True)
class FfclipOptions(FfclipTrainingSettings, TrainingOptions):
    """Train FFCLIP on a list of texts."""

    prompts: str | None = option(None, "text file with one prompt per line")
