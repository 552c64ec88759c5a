"""Options of the face commands: what the command line and YAML files accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inst.commands.diffusion.options import ComputeOptions
from inst.options import check_options, option
from inst.pipelines.faces.settings import TRUNCATION, AlignSettings, EncodeSettings, FaceSettings, PhotoEditSettings


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
class EditRun(PhotoEditSettings, EncodeOptions, EditInputs):
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
class InvertRun(EncodeOptions):
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
class AlignRun(AlignSettings, FaceOptions):
    """Crop and align the faces of photos, as face models expect them."""

    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    format: str = option("png", "format of pictures whose name is not given", choices=("png", "jpg", "webp"))

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class DirectionsRun(GanOptions):
    """Measure what each channel of a generator does for CLIP, which global directions need."""

    output: str | None = option(None, "file to write (.safetensors)")
    samples: int = option(100, "faces that every channel is tried on", low=1, high=10_000)
    statistics_samples: int = option(100_000, "codes that mean and deviation are taken over", low=2, high=10_000_000)
    truncation: float = option(0.7, "of the codes", low=0.0, high=2.0)
    deviations: float = option(5.0, "how far channels are moved: 5 for faces, 10 for other things", low=0.01, high=100)
    max_side: int | None = option(
        None, "leave out channels of layers beyond so many pixels (published: 256 and more)", low=4, high=4096
    )
    mode: Literal["clean", "reference"] = option(
        "clean", "reference: as the published code, which leaves channels at their mean", choices=("clean", "reference")
    )
    batch_size: int = option(16, "pictures at a time", low=2, high=4096)
    seed: int = option(5, "seed", low=0, high=2**32 - 1)
    resume: bool = option(False, "continue a run that was stopped")
    overwrite: bool = option(False, "replace a file that is already there")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(GanOptions):
    """What both trainers of the GAN side share."""

    latents: str | None = option(None, "codes to learn from: W+ as .npy, .pt or .safetensors (default: made up)")
    samples: int = option(1000, "codes that are made up without --latents", low=1, high=1_000_000)
    truncation: float = option(0.7, "of made-up codes", low=0.0, high=2.0)
    output: str | None = option(None, "file to write (.safetensors)")
    batch_size: int = option(2, "codes a step, shared by the processes there are", low=1, high=1024)
    validation_steps: int = option(500, "steps between two looks at codes not learned from", low=1, high=1_000_000)
    validation_samples: int = option(16, "made-up codes not learned from", low=1, high=10_000)
    validation_latents: str | None = option(None, "codes not learned from instead: W+ as .npy, .pt or .safetensors")
    checkpointing_steps: int = option(500, "steps between two saved training states", low=1, high=1_000_000)
    seed: int = option(0, "seed", low=0, high=2**32 - 1)
    resume: bool = option(False, "continue a run that was stopped")
    overwrite: bool = option(False, "replace a file that is already there")


@dataclass(frozen=True, kw_only=True)
class MapperRun(TrainingOptions):
    """Teach a mapper one text."""

    text: str | None = option(None, "what the pictures should show")
    max_train_steps: int = option(50_000, "steps", low=1, high=10_000_000)
    learning_rate: float = option(0.5, "Ranger's rate", low=1e-7, high=10.0)
    fine: bool = option(True, "--no-fine leaves colours alone, for edits of shape")
    clip_weight: float = option(1.0, "how much the text weighs", low=0.0, high=1000.0)
    l2_weight: float = option(0.8, "how much staying near weighs", low=0.0, high=1000.0)
    identity_weight: float | None = option(
        None, "how much identity weighs (default: 0.1 with --identity, else 0)", low=0.0, high=1000.0
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class FfclipRun(TrainingOptions):
    """Teach FFCLIP a list of texts."""

    prompts: str | None = option(None, "text file, a prompt a line")
    max_train_steps: int = option(20_000, "steps", low=1, high=10_000_000)
    learning_rate: float = option(5e-4, "Adam's rate", low=1e-7, high=1.0)
    text_weight: float = option(8.0, "how much the text weighs", low=0.0, high=1000.0)
    identity_weight: float | None = option(
        None, "how much identity weighs (default: 0.9 with --identity, else 0)", low=0.0, high=1000.0
    )

    def __post_init__(self) -> None:
        check_options(self)
