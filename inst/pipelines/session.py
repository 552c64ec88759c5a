"""A diffusion model with the CLIP and the inversion module that it learns styles with."""

from __future__ import annotations

import warnings
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from inst.clip import load_clip
from inst.clip.backbone import ClipBackbone
from inst.errors import InputError, InstWarning, TokenError
from inst.inversion.prepare import PretrainedModule, load_pretrained
from inst.inversion.token import StyleToken, check_fits
from inst.models.latent_diffusion import LatentDiffusion
from inst.models.load import load
from inst.models.settings import ModelDefaults
from inst.models.source import ModelSource, parse_source
from inst.placement import Placement, choose_placement

PredictionType = Literal["auto", "epsilon", "v_prediction"]


class Session:
    """A diffusion model, its CLIP and its inversion module; each is loaded when first needed, then kept.

    Args:
        model: ``mini`` (embedded), ``sd15``, ``sd14``, ``sd21``, a hub id, a diffusers folder, or a single
            ``.safetensors`` or ``.ckpt`` file in Stable Diffusion's layout.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        clip: the CLIP that sees the painting, as ``open_clip`` name[/tag], ``local-dir:folder`` or ``hf:id``;
            ``None`` for the model's own.
        prediction_type: what the U-Net of a Stable Diffusion 2 file predicts, which the file does not say.
        xformers: use xformers' attention where it works; PyTorch's own is the default.

    Attributes:
        source: the parsed model name.
        placement: device and precision.

    Raises:
        ModelError, ConfigError: an unknown model name, or a device that is not present. Names are checked here, files
            are read at first use.

    >>> import inst
    >>> inst.load_model("mini").defaults.prompt
    '[C]'
    """

    def __init__(
        self,
        model: str | Path = "mini",
        *,
        device: str = "auto",
        dtype: str = "auto",
        clip: str | None = None,
        prediction_type: PredictionType = "auto",
        xformers: bool = False,
    ) -> None:
        self.source: ModelSource = parse_source(str(model), prediction_type)
        self.placement: Placement = choose_placement(device, dtype)
        self._clip = clip
        self._xformers = xformers

    def __repr__(self) -> str:
        return f"Session({self.source.value!r}, {self.placement})"

    @cached_property
    def model(self) -> LatentDiffusion:
        """The diffusion model, with its autoencoder, U-Net, text encoder and noise schedule.

        Raises:
            ModelError: it cannot be reached, is incomplete, or is another kind of model.
        """
        return load(self.source, self.placement, attention="xformers" if self._xformers else "sdpa")

    @property
    def name(self) -> str:
        """The model's name, as the user gave it."""
        return self.model.name

    @property
    def defaults(self) -> ModelDefaults:
        """The settings that the model works best with."""
        return self.model.defaults

    @cached_property
    def clip(self) -> ClipBackbone:
        """The CLIP that sees the painting."""
        return load_clip(self._clip or self.model.clip_name, self.placement)

    @property
    def clip_name(self) -> str:
        """The CLIP's name as style files record it; ``local`` for one in an absolute folder."""
        name = self._clip or self.model.defaults.clip
        return "local" if Path(name.removeprefix("local-dir:").removeprefix("hf:")).is_absolute() else name

    @cached_property
    def pretrained(self) -> PretrainedModule | None:
        """The inversion module that comes with the model; it was trained for the model's own CLIP."""
        return load_pretrained(self.model) if self._clip is None else None

    def check(self, style: StyleToken) -> None:
        """Check that a style fits this model; warn where it was learned on other weights.

        Raises:
            TokenError: it does not fit.
        """
        self._check_fits(style)
        learned = style.metadata.get("model_hash")
        if learned and learned != self.model.revision_hash:
            warnings.warn(
                f"the style {style.name} was learned on {style.metadata.get('model')}, and this is {self.model.name} "
                "with the same text encoder: it will work less well",
                InstWarning,
                stacklevel=2,
            )

    def fits(self, style: StyleToken) -> bool:
        """Whether a style can be used with this model."""
        try:
            self._check_fits(style)
        except TokenError:
            return False
        return True

    def _check_fits(self, style: StyleToken) -> None:
        check_fits(
            style,
            model=self.model.name,
            token_dim=self.model.text.token_dim,
            text_encoder=self.model.text.text_encoder_hash,
            vocabulary_norm=self.model.text.vocabulary_norm,
            max_norm_ratio=self.model.defaults.max_norm_ratio,
        )


def load_model(
    model: str | Path = "mini",
    *,
    device: str = "auto",
    dtype: str = "auto",
    clip: str | None = None,
    prediction_type: PredictionType = "auto",
    xformers: bool = False,
) -> Session:
    """Open a diffusion model for style transfer. Its files are read when they are first needed.

    Args:
        model, device, dtype, clip, prediction_type, xformers: as for :class:`Session`.

    Raises:
        ModelError: an unknown model name.
        ConfigError: a device or precision that is not available.

    >>> import inst
    >>> model = inst.load_model("mini", device="cpu")
    >>> model.defaults.resolution
    256
    """
    return Session(model, device=device, dtype=dtype, clip=clip, prediction_type=prediction_type, xformers=xformers)


def session_or_default(model: Session | None) -> Session:
    """The session that a caller gave, or the embedded model's.

    Raises:
        InputError: something other than a session, such as a model's name.
    """
    if model is None:
        return default_session()
    if not isinstance(model, Session):
        raise InputError(f"model={model!r} is not a loaded model: give what inst.load_model returns")
    return model


@lru_cache(maxsize=1)
def default_session() -> Session:
    """The embedded miniature, loaded once per process: what functions use that are given no model."""
    return Session()
