"""A model and its CLIP, loaded when first needed and kept: what every job works in."""

from __future__ import annotations

import warnings
from functools import cached_property, lru_cache
from pathlib import Path

from inst.clip import load_clip
from inst.clip.backbone import ClipBackbone
from inst.commands.diffusion.options import ModelOptions
from inst.errors import InstWarning, TokenError
from inst.inversion.prepare import PretrainedModule, load_pretrained
from inst.inversion.token import StyleToken, check_fits
from inst.models.latent_diffusion import LatentDiffusion
from inst.models.load import load
from inst.models.source import ModelSource, parse_source
from inst.placement import Placement, choose_placement


class Session:
    """Model, CLIP and inversion module of a run.

    Args:
        options: names them; the names are checked here, the files are read at first use.

    Raises:
        ModelError, ConfigError: a name that is not known, a device that is not there.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self.source: ModelSource = parse_source(options.model, _prediction_type(options))
        self.placement: Placement = choose_placement(options.device, options.dtype)

    @cached_property
    def model(self) -> LatentDiffusion:
        return load(self.source, self.placement, attention="xformers" if self.options.xformers else "sdpa")

    @cached_property
    def clip(self) -> ClipBackbone:
        return load_clip(self.options.clip or self.model.clip_name, self.placement)

    @property
    def clip_name(self) -> str:
        """What the CLIP is called in files: as the user or the model's own settings name it, or just "local"."""
        name = self.options.clip or self.model.defaults.clip
        return "local" if Path(name.removeprefix("local-dir:").removeprefix("hf:")).is_absolute() else name

    @cached_property
    def pretrained(self) -> PretrainedModule | None:
        """The inversion module the model brings; it was trained for the model's own CLIP."""
        return load_pretrained(self.model) if self.options.clip is None else None

    def check(self, token: StyleToken) -> None:
        """Hold a style to this model.

        Raises:
            TokenError: it does not fit.
        """
        self._check_fits(token)
        model = self.model
        learned = token.metadata.get("model_hash")
        if learned and learned != model.revision_hash:
            warnings.warn(
                f"the style {token.name} was learned on {token.metadata.get('model')}, and this is {model.name} with "
                "the same text encoder: it will work less well",
                InstWarning,
                stacklevel=2,
            )

    def _check_fits(self, token: StyleToken) -> None:
        check_fits(
            token,
            model=self.model.name,
            token_dim=self.model.text.token_dim,
            text_encoder=self.model.text.text_encoder_hash,
            vocabulary_norm=self.model.text.vocabulary_norm,
            max_norm_ratio=self.model.defaults.max_norm_ratio,
        )

    def fits(self, token: StyleToken) -> bool:
        """Whether a style may be used with this model, without an error."""
        try:
            self._check_fits(token)
        except TokenError:
            return False
        return True


def _prediction_type(options: ModelOptions) -> str | None:
    return None if options.prediction_type == "auto" else options.prediction_type


@lru_cache(maxsize=1)
def default_session() -> Session:
    """The embedded miniature, loaded once per process: what functions use that are given no model."""
    return Session(ModelOptions())
