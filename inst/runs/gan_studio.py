"""A generator and the networks around it, loaded when first needed and kept: what the GAN side's jobs work in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from inst.assets import mini_folder
from inst.clip import load_clip
from inst.clip.backbone import ClipBackbone
from inst.errors import ConfigError, InputError, ModelError
from inst.gan.checkpoints import load_generator
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.codes import read_codes
from inst.gan.encoder import Encoder, load_encoder
from inst.gan.generator import Generator
from inst.gan.losses import ClipView
from inst.perceptual.identity import FaceIdentity, load_identity
from inst.placement import Placement, choose_placement
from inst.runs.gan_settings import GanOptions
from inst.seeds import noise
from inst.shapes import WPlus

_EXAMPLE = "stylegan2-ffhq-config-f.pt, ffhq.pkl"


class GanStudio:
    """Generator, encoder, identity network and CLIP of a run.

    Args:
        options: names them; that the files are there is checked here, they are read at first use.

    Raises:
        InputError: a file that is not there.
        ConfigError: no generator, or a device that is not there.
    """

    def __init__(self, options: GanOptions, encoder: str | None = None) -> None:
        if options.generator is None:
            raise ConfigError(
                f"no generator was given: --generator FILE, a StyleGAN2 such as {_EXAMPLE} (rosinality's .pt, NVIDIA's "
                "StyleGAN2-ADA .pkl, or inst's .safetensors)"
            )
        self.options, self.encoder_path = options, encoder
        files = {"generator": options.generator, "identity": options.identity, "encoder": encoder}
        for name, file in files.items():
            existing(file, name)
        self.generator_path = Path(options.generator)
        self.placement: Placement = choose_placement(options.device, options.dtype)

    @cached_property
    def generator(self) -> Generator:
        return load_generator(self.generator_path, self.placement)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.generator.state_dict())

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder, held to the generator's sizes.

        Raises:
            ModelError: it is for a generator of another size.
        """
        if self.encoder_path is None:
            return None
        encoder = load_encoder(Path(self.encoder_path), self.placement)
        config = self.generator.config
        if tuple(encoder.mean.shape) != (config.num_layers, config.w_width):
            have = f"{encoder.mean.shape[0]} layers of {encoder.mean.shape[1]}"
            raise ModelError(
                f"--encoder {self.encoder_path} makes codes of {have}, and the {config.resolution} px generator "
                f"{self.generator_path.name} takes {config.num_layers} of {config.w_width}: give the encoder that was "
                "trained for it, or none"
            )
        return encoder

    @cached_property
    def identity(self) -> FaceIdentity | None:
        path = self.options.identity
        return None if path is None else load_identity(Path(path), self.placement)

    @property
    def clip_name(self) -> str:
        """What the CLIP is called in files; a folder of this machine by its last part."""
        name = self.options.clip
        place = Path(name.removeprefix("local-dir:").removeprefix("hf:"))
        return place.name if place.is_absolute() else name

    @cached_property
    def clip(self) -> ClipBackbone:
        name = self.options.clip
        return load_clip(f"local-dir:{mini_folder() / 'clip'}" if name == "mini" else name, self.placement)

    @cached_property
    def view(self) -> ClipView:
        return ClipView(self.clip)

    def made_up(self, count: int, seed: int, truncation: float) -> WPlus:
        """Codes the generator makes up; the j-th has seed + j."""
        z = noise(seed, (count, self.generator.config.z_width)).to(self.placement.device)
        return self.generator.truncate(self.generator.map(z), truncation)

    def stored(self, path: Path) -> WPlus:
        """W+ codes from a file, held to the generator.

        Raises:
            InputError: no such codes.
            ModelError: of another generator.
        """
        codes = read_codes(path)
        if len(codes) != 1 or codes[0].ndim != 3:
            raise InputError(f"{path} holds StyleSpace: give W+ codes (b, k, d)")
        config = self.generator.config
        if tuple(codes[0].shape[1:]) != (config.num_layers, config.w_width):
            raise ModelError(
                f"{path} holds codes of {codes[0].shape[1]} layers of {codes[0].shape[2]}, and the {config.resolution} "
                f"px generator {self.generator_path.name} takes {config.num_layers} of {config.w_width}: give the "
                "generator they were made with"
            )
        return codes[0].to(self.placement.device)


def existing(file: str | None, option: str) -> Path | None:
    """A file that an option names.

    Raises:
        InputError: it is not there.
    """
    if file is None:
        return None
    if not Path(file).is_file():
        raise InputError(f"--{option} {file} does not exist: give a file")
    return Path(file)
