"""Settings of what is trained and measured for face editing, each declared once for Python API and command line.

Only the standard library is imported here, because ``inst mapper train --help`` must not wait for torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inst.options import check_options, option


@dataclass(frozen=True, kw_only=True)
class DirectionsSettings:
    """How the channels of StyleSpace are measured for global directions.

    Raises:
        ConfigError: a value out of its range.

    >>> import inst
    >>> inst.DirectionsSettings(samples=10).samples
    10
    """

    samples: int = option(100, "number of faces on which the effect of each channel is measured", low=1, high=10_000)
    statistics_samples: int = option(
        100_000, "faces over which the channels' mean and deviation are taken", low=2, high=10_000_000
    )
    truncation: float = option(
        0.7, "truncation psi of the faces: 0 is the mean face, 1 is no truncation", low=0.0, high=2.0
    )
    deviations: float = option(
        5.0,
        "how far a channel is moved, in standard deviations: 5 for faces, 10 for other domains",
        low=0.01,
        high=100,
    )
    max_side: int | None = option(
        None, "leave out channels of layers with more pixels a side (as published: 128)", low=4, high=4096
    )
    mode: Literal["clean", "reference"] = option(
        "clean",
        "clean: one channel at a time; reference: as the published code, which leaves measured channels at their mean",
        choices=("clean", "reference"),
    )
    batch_size: int = option(16, "pictures computed at once", low=2, high=4096)
    seed: int = option(5, "random seed", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class EditorTrainingSettings:
    """The settings that mapper and FFCLIP training share."""

    samples: int = option(1000, "number of random latent codes to learn from, without --latents", low=1, high=1_000_000)
    truncation: float = option(
        0.7, "truncation psi of random latent codes: 0 is the mean face, 1 is no truncation", low=0.0, high=2.0
    )
    batch_size: int = option(2, "latent codes per step, shared by all processes", low=1, high=1024)
    validation_steps: int = option(500, "steps between two validations", low=1, high=1_000_000)
    validation_samples: int = option(16, "number of random latent codes to validate with", low=1, high=10_000)
    checkpointing_steps: int = option(500, "steps between two checkpoints", low=1, high=1_000_000)
    seed: int = option(0, "random seed", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, kw_only=True)
class MapperTrainingSettings(EditorTrainingSettings):
    """How a mapper is trained for one text.

    Raises:
        ConfigError: a value out of its range.

    >>> import inst
    >>> inst.MapperTrainingSettings(max_train_steps=100).max_train_steps
    100
    """

    max_train_steps: int = option(50_000, "number of training steps", low=1, high=10_000_000)
    learning_rate: float = option(0.5, "Ranger's learning rate", low=1e-7, high=10.0)
    fine: bool = option(True, "--no-fine leaves the fine layers alone, which colors depend on, for edits of shape")
    clip_weight: float = option(1.0, "weight of the CLIP loss", low=0.0, high=1000.0)
    l2_weight: float = option(0.8, "weight of the squared distance to the original code", low=0.0, high=1000.0)
    identity_weight: float | None = option(
        None, "weight of the identity loss (default: 0.1 with --identity, else 0)", low=0.0, high=1000.0
    )


@dataclass(frozen=True, kw_only=True)
class FfclipTrainingSettings(EditorTrainingSettings):
    """How FFCLIP is trained on a list of texts.

    Raises:
        ConfigError: a value out of its range.

    >>> import inst
    >>> inst.FfclipTrainingSettings(max_train_steps=100).max_train_steps
    100
    """

    max_train_steps: int = option(20_000, "number of training steps", low=1, high=10_000_000)
    learning_rate: float = option(5e-4, "Adam's learning rate", low=1e-7, high=1.0)
    text_weight: float = option(8.0, "weight of the text loss", low=0.0, high=1000.0)
    identity_weight: float | None = option(
        None, "weight of the identity loss (default: 0.9 with --identity, else 0)", low=0.0, high=1000.0
    )
