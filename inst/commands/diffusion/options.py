"""The options of the style-transfer commands: what the command line and YAML files accept."""

from __future__ import annotations

from dataclasses import dataclass

from inst.inversion.settings import InversionSettings
from inst.options import check_options, option
from inst.transfer.settings import GenerateSettings, StylizeSettings


@dataclass(frozen=True, kw_only=True)
class ComputeOptions:
    """Device, precision, and the size limit of pictures."""

    device: str = option("auto", "auto | cpu | cuda | cuda:N | mps")
    dtype: str = option("auto", "precision of the networks", choices=("auto", "float32", "bfloat16", "float16"))
    max_megapixels: float = option(64.0, "largest picture that is read, in megapixels", low=0.01, high=4096.0)


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ComputeOptions):
    """The model, its CLIP, and where they compute."""

    model: str = option("mini", "mini | sd15 | sd14 | sd21 | hub/id | diffusers folder | file.safetensors | file.ckpt")
    prediction_type: str = option(
        "auto",
        "what the U-Net of a Stable Diffusion 2 file predicts, which the file does not record",
        choices=("auto", "epsilon", "v_prediction"),
    )
    xformers: bool = option(False, "use xformers' attention where it works (PyTorch's own is the default)")
    clip: str | None = option(
        None, "CLIP that sees the painting: open_clip name[/tag], local-dir:folder, hf:id (default: the model's own)"
    )


@dataclass(frozen=True, kw_only=True)
class TrainOptions(InversionSettings, ModelOptions):
    """Learn the style of a painting, of several, or of a folder of them: one style each."""

    style: tuple[str, ...] = option((), "paintings, or folders of paintings", positional=True)
    output: str | None = option(None, "style token file, or folder for several (default: styles/)")
    overwrite: bool = option(False, "replace an existing style")
    resume: bool = option(False, "continue a stopped run")
    report_to: str = option("none", "log losses to a tracker", choices=("none", "tensorboard", "wandb"))
    preview: bool = option(True, "write preview pictures during training (at most 5 % of the time)")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class PictureOptions(ModelOptions):
    """Options of the commands that write pictures."""

    style: tuple[str, ...] = option(
        (), "style file or painting, as [name=]file[:weight]; may be given several times (default: the newest learned)"
    )
    output: str | None = option(None, "picture, or folder for several (default: outputs/)")
    overwrite: bool = option(False, "replace existing pictures")
    format: str = option("png", "file format of pictures whose name is not given", choices=("png", "jpg", "webp"))
    metadata: bool = option(True, "store the settings in the pictures")
    from_image: str | None = option(None, "use the settings of a picture that inst made; options given beside it win")


@dataclass(frozen=True, kw_only=True)
class StylizeOptions(StylizeSettings, PictureOptions):
    """Give a style to photos."""

    content: tuple[str, ...] = option((), "photos, or folders of photos", positional=True)
    style_image: str | None = option(None, "the painting behind a style file of the authors' release")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class GenerateOptions(GenerateSettings, PictureOptions):
    """Make pictures from a prompt with [C] in it."""

    prompt: str | None = option(None, "text with [C], or [name] of a named style, in it", positional=True)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write a style for other tools."""

    style: str = option("", "style file, or the name of a style", positional=True)
    output: str | None = option(None, "file to write (default: the style's name beside it)")
    form: str = option(
        "shared",
        "shared: AUTOMATIC1111, ComfyUI, InvokeAI, kohya; diffusers: learned_embeds",
        choices=("shared", "diffusers"),
    )
    token: str | None = option(None, "the word that calls the style (default: its name without brackets)")
    overwrite: bool = option(False, "replace an existing file")

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
