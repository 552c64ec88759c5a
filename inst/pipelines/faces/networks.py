"""A generator and the networks around it, each loaded when it is first needed and then kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from inst.assets import AVATARS, CLIP_FOLDER
from inst.clip import load_clip
from inst.clip.backbone import ClipBackbone
from inst.errors import ConfigError
from inst.gan.checkpoints import load_generator
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.encoder import Encoder, load_encoder
from inst.gan.generator import Generator
from inst.gan.latent_space import check_layers
from inst.gan.losses import ClipView
from inst.gan.trained import check_generator
from inst.perceptual.identity import FaceIdentity, load_identity
from inst.pipelines.faces.embedded import find_networks, packaged_model
from inst.placement import Placement, choose_placement

_Loaded = TypeVar("_Loaded")


class FaceNetworks:
    """Generator, encoder, identity network and CLIP.

    Args:
        generator: ``avatars`` (embedded), or a file: rosinality's ``.pt``, NVIDIA's ``.pkl``, inst's ``.safetensors``.
        clip: ``auto`` (``avatars`` for that generator, ViT-B-32 for others), ``none``, an open_clip ``name[/tag]``,
            ``local-dir:folder``, ``hf:id``, ``avatars`` or ``mini``.
        identity, encoder: a file, or ``none``; ``None`` is the embedded one for ``avatars`` and none for others.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``, of the networks.

    Raises:
        InputError: a file that is not there. Files are read when they are first used.
        ModelError: the embedded generator is asked for, and not in this copy of the package.
        ConfigError: a device that is not there.
    """

    def __init__(
        self,
        generator: str | Path = AVATARS,
        *,
        clip: str = "auto",
        identity: str | Path | None = None,
        encoder: str | Path | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        self.files = find_networks(generator, clip, identity, encoder)
        self.placement: Placement = choose_placement(device, dtype)
        self.device = device
        """As it was asked for: ``auto`` leaves face detection on the CPU."""
        self.text_directions: dict[tuple[str, str], Tensor] = {}
        """Directions in CLIP's space by target and neutral text: 158 sentences each, so they are computed once."""
        self._kept: dict[tuple[Any, ...], Any] = {}

    @property
    def generator_name(self) -> str:
        """The generator's name as files record it, without local paths."""
        return AVATARS if self.files.embedded else self.files.generator.name

    @cached_property
    def generator(self) -> Generator:
        return load_generator(self.files.generator, self.placement)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.generator.state_dict())

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder, checked against the generator.

        Raises:
            ModelError: it was trained for another one.
        """
        path = self.files.encoder
        if path is None:
            return None
        encoder, source = load_encoder(path, self.placement), f"--encoder {path}"
        remedy = "give the encoder that was trained for it, or --encoder none"
        check_layers(encoder.mean.shape, self.generator.config, f"{source} makes codes of", remedy)
        check_generator(encoder.generator, self.generator, source)
        return encoder

    @cached_property
    def identity(self) -> FaceIdentity | None:
        return None if self.files.identity is None else load_identity(self.files.identity, self.placement)

    @property
    def clip_name(self) -> str:
        """The CLIP's name as files record it; the last part of a local folder's path."""
        name = self.files.clip or "none"
        place = Path(name.removeprefix("local-dir:").removeprefix("hf:"))
        return place.name if place.is_absolute() else name

    @cached_property
    def clip(self) -> ClipBackbone:
        """The CLIP.

        Raises:
            ConfigError: the session has none.
        """
        name = self.files.clip
        if name is None:
            raise ConfigError("this needs a CLIP, and clip=none was given: leave it out, or name one")
        packaged = packaged_model(name)
        return load_clip(f"local-dir:{packaged / CLIP_FOLDER}" if packaged else name, self.placement)

    @cached_property
    def view(self) -> ClipView:
        """CLIP with StyleCLIP's preprocessing."""
        return ClipView(self.clip)

    def kept(self, path: Path, load: Callable[[], _Loaded]) -> _Loaded:
        """What ``load`` returned for a file, loaded again only after the file has changed."""
        status = path.stat()
        key = (path, status.st_mtime_ns, status.st_size)
        if key not in self._kept:
            self._kept[key] = load()
        return self._kept[key]
