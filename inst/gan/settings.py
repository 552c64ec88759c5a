"""Settings of latent optimisation and of inversion, each declared once, with its help text and its range.

Only the standard library is imported here, because ``inst edit --help`` must not wait for torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from inst.options import check_options, option

IDENTITY_WEIGHT = 0.005
"""λ_ID of latent optimisation where an identity network is given (Patashnik et al. 2021, section 4)."""


@dataclass(frozen=True, kw_only=True)
class OptimizeWeights:
    """Weights of the loss of latent optimisation. The defaults are the published ones.

    Attributes:
        l2: λ_L2, of the *sum* of squared changes.
        identity: λ_ID; 0 leaves the identity loss out, as for generators of other things than faces.
        pixels: λ_px, of the *mean* absolute difference between the pictures; an addition to the paper.
        jitter: standard deviation of the noise that is added before CLIP, and the largest shift as twice a share of
            the side; an addition to the paper.
    """

    l2: float = 0.008
    identity: float = 0.0
    pixels: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class OptimizeSettings:
    """Latent optimisation (Patashnik et al. 2021, section 4). ``None`` stands for the published weight.

    Raises:
        ConfigError: a value out of its range.
    """

    steps: int = option(100, "--method optimize: number of steps", low=1, high=10_000)
    learning_rate: float = option(0.1, "--method optimize: Adam's peak learning rate", low=1e-6, high=10.0)
    l2: float | None = option(
        None,
        "--method optimize: weight of the squared distance to the original code (default: 0.008 as published; "
        "avatars: 0.002)",
        low=0.0,
        high=100.0,
    )
    identity_weight: float | None = option(
        None,
        f"--method optimize: weight of the identity loss (default: {IDENTITY_WEIGHT} with --identity, else 0)",
        low=0.0,
        high=100.0,
    )
    pixel_weight: float | None = option(
        None,
        "--method optimize: weight of the mean absolute pixel difference to the original picture (default: 0 as "
        "published; avatars: 2)",
        low=0.0,
        high=1000.0,
    )
    jitter: float | None = option(
        None,
        "--method optimize: strength of the noise and shifts applied to pictures before CLIP (default: 0 as published; "
        "avatars: 0.1)",
        low=0.0,
        high=1.0,
    )
    space: str = option("w_plus", "--method optimize: the latent space that is optimised", choices=("w_plus", "styles"))

    def __post_init__(self) -> None:
        check_options(self)

    def weights(self) -> OptimizeWeights:
        """The weights, those that are ``None`` as published."""
        given = {"l2": self.l2, "identity": self.identity_weight, "pixels": self.pixel_weight, "jitter": self.jitter}
        return OptimizeWeights(**{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class InvertSettings:
    """Inversion by optimisation (Karras et al. 2020, appendix D, in W+).

    Attributes:
        steps: number of updates; 0 returns the starting code.
        learning_rate: Adam's peak learning rate.
        pixel_weight: of the mean squared difference, at full and at a quarter of the resolution.
        clip_weight, identity_weight: of 1 − cosine similarity, where the networks are given.
        start_weight: of the mean squared distance to the starting code: codes near it stay editable.
        noise_weight: of the autocorrelation of the noise maps; published 1e5.
        noise: whether the noise maps are optimised too.

    Raises:
        ConfigError: a value out of its range.
    """

    steps: int = option(200, "number of steps", low=0, high=10_000)
    learning_rate: float = option(0.05, "Adam's peak learning rate", low=1e-6, high=10.0)
    pixel_weight: float = option(1.0, "weight of the squared pixel difference", low=0.0)
    clip_weight: float = option(0.1, "weight of the distance between CLIP embeddings", low=0.0)
    identity_weight: float = option(0.1, "weight of the identity loss", low=0.0)
    start_weight: float = option(0.01, "weight of the squared distance to the starting code", low=0.0)
    noise_weight: float = option(1e5, "weight of the noise maps' autocorrelation", low=0.0)
    noise: bool = option(True, "optimise the noise maps too")

    def __post_init__(self) -> None:
        check_options(self)
