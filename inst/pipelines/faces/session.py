"""A generator and the networks around it, loaded when first needed and kept: what the GAN side's jobs work in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from inst.assets import AVATARS
from inst.clip import load_clip
from inst.clip.backbone import ClipBackbone
from inst.commands.faces.options import GanOptions
from inst.errors import InputError
from inst.gan.checkpoints import load_generator
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.codes import read_codes
from inst.gan.encoder import Encoder, load_encoder
from inst.gan.generator import Generator
from inst.gan.latent_space import check_layers
from inst.gan.losses import ClipView
from inst.gan.trained import check_generator
from inst.perceptual.identity import FaceIdentity, load_identity
from inst.pipelines.faces.embedded import CLIP_FOLDER, find_file, packaged_model, uses_avatars
from inst.placement import Placement, choose_placement
from inst.seeds import noise
from inst.shapes import WPlus


class FaceSession:
    """Generator, encoder, identity network and CLIP of a run.

    Args:
        options: names them, `embedded.with_defaults`; that the files are there is checked here, they are read at
            first use.

    Raises:
        InputError: a file that is not there.
        ModelError: the embedded generator is asked for, and not in this copy.
        ConfigError: a device that is not there.
    """

    def __init__(self, options: GanOptions, encoder: str | None = None) -> None:
        self.options = options
        generator_path = find_file(options.generator, "generator")
        assert generator_path is not None
        self.generator_path = generator_path
        self.identity_path = find_file(options.identity, "identity")
        self.encoder_path = find_file(encoder, "encoder")
        self.placement: Placement = choose_placement(options.device, options.dtype)

    @property
    def generator_name(self) -> str:
        """What the generator is called in files; no path of this machine."""
        return AVATARS if uses_avatars(self.options) else self.generator_path.name

    @cached_property
    def generator(self) -> Generator:
        return load_generator(self.generator_path, self.placement)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.generator.state_dict())

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder, held to the generator.

        Raises:
            ModelError: it is for another.
        """
        if self.encoder_path is None:
            return None
        encoder, source = load_encoder(self.encoder_path, self.placement), f"--encoder {self.encoder_path}"
        remedy = "give the encoder that was trained for it, or --encoder none"
        check_layers(encoder.mean.shape, self.generator.config, f"{source} makes codes of", remedy)
        check_generator(encoder.generator, self.generator, source)
        return encoder

    @cached_property
    def identity(self) -> FaceIdentity | None:
        return None if self.identity_path is None else load_identity(self.identity_path, self.placement)

    @property
    def clip_name(self) -> str:
        """What the CLIP is called in files; a folder of this machine by its last part."""
        name = self.options.clip
        place = Path(name.removeprefix("local-dir:").removeprefix("hf:"))
        return place.name if place.is_absolute() else name

    @cached_property
    def clip(self) -> ClipBackbone:
        packaged = packaged_model(self.options.clip)
        return load_clip(f"local-dir:{packaged / CLIP_FOLDER}" if packaged else self.options.clip, self.placement)

    @cached_property
    def view(self) -> ClipView:
        return ClipView(self.clip)

    def sample_w(self, count: int, seed: int, truncation: float) -> WPlus:
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
        remedy = "give the generator they were made with"
        check_layers(codes[0].shape[1:], self.generator.config, f"{path} holds codes of", remedy)
        return codes[0].to(self.placement.device)
