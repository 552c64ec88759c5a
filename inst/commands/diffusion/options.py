"""What each command takes: the schema of its flags and of its YAML file."""

from __future__ import annotations

from dataclasses import dataclass

from inst.inversion.settings import InversionSettings
from inst.options import check_options, option
from inst.transfer.settings import GenerateSettings, StylizeSettings


@dataclass(frozen=True, kw_only=True)
class ComputeOptions:
    """Where networks compute, and what is read."""

    device: str = option("auto", "auto | cpu | cuda | cuda:N | mps")
    dtype: str = option("auto", "precision of the networks", choices=("auto", "float32", "bfloat16", "float16"))
    max_megapixels: float = option(64.0, "largest picture that is read", low=0.01, high=4096.0)


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ComputeOptions):
    """Which model, and where it computes."""

    model: str = option("mini", "mini | sd15 | sd14 | sd21 | hub/id | diffusers folder | file.safetensors | file.ckpt")
    prediction_type: str = option(
        "auto",
        "what a Stable Diffusion 2 file predicts; it cannot be told from the file",
        choices=("auto", "epsilon", "v_prediction"),
    )
    xformers: bool = option(False, "use xformers' attention if it works here (torch's own is the default)")
    clip: str | None = option(
        None, "CLIP to see with: open_clip name[/tag], local-dir:folder, hf:id (default: the model's)"
    )


@dataclass(frozen=True, kw_only=True)
class TrainRun(InversionSettings, ModelOptions):
    """Learn the style of a painting, of several, or of a folder of them: one style each."""

    style: tuple[str, ...] = option((), "paintings, or folders of paintings", positional=True)
    output: str | None = option(None, "style token file, or folder for several (default: styles/)")
    overwrite: bool = option(False, "replace a style that is already there")
    resume: bool = option(False, "continue a run that was stopped")
    report_to: str = option("none", "write losses for a tracker", choices=("none", "tensorboard", "wandb"))
    preview: bool = option(True, "save a preview picture every so often (at most 5 % of the time)")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class PictureOptions(ModelOptions):
    """What the commands that write pictures share."""

    style: tuple[str, ...] = option(
        (), "style file or painting, as [name=]file[:weight]; may be given several times (default: the newest learned)"
    )
    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    overwrite: bool = option(False, "replace pictures that are already there")
    format: str = option("png", "of pictures whose name is not given", choices=("png", "jpg", "webp"))
    metadata: bool = option(True, "--no-metadata leaves the settings out of the pictures")
    from_image: str | None = option(None, "take the settings from a picture made before")


@dataclass(frozen=True, kw_only=True)
class StylizeRun(StylizeSettings, PictureOptions):
    """Give a style to photos."""

    content: tuple[str, ...] = option((), "photos, or folders of photos", positional=True)
    style_image: str | None = option(None, "the painting behind a style file of the authors' release")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class GenerateRun(GenerateSettings, PictureOptions):
    """Make pictures from a prompt with [C] in it."""

    prompt: str | None = option(None, "text with [C], or [name] of a named style, in it", positional=True)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class ExportRun:
    """Write a style for other tools."""

    style: str = option("", "style file, or the name of a style", positional=True)
    output: str | None = option(None, "file to write (default: the style's name beside it)")
    form: str = option(
        "shared",
        "shared: AUTOMATIC1111, ComfyUI, InvokeAI, kohya; diffusers: learned_embeds",
        choices=("shared", "diffusers"),
    )
    token: str | None = option(None, "the word that calls the style (default: its name, without brackets)")
    overwrite: bool = option(False, "replace a file that is already there")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """Show what a style file or picture contains."""

    file: str = option("", "style file, textual-inversion file, or picture made by inst", positional=True)


@dataclass(frozen=True, kw_only=True)
class ModelsOptions:
    """List the models: what each needs, and whether it is on this machine."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Learn a painting, stylize a photo, and write them side by side."""

    output: str = option("outputs/demo.png", "picture to write")
    style: str | None = option(None, "painting (default: one that comes with inst)")
    content: str | None = option(None, "photo (default: one that scikit-image ships)")
