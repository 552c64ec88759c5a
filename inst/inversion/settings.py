"""Settings of learning a painting, each declared once: Python API and command line share them.

Only the standard library is imported here, because ``inst train --help`` must not wait for torch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from inst.options import check_options, option


@dataclass(frozen=True, kw_only=True)
class InversionSettings:
    """How ``[C]`` is learned. ``None`` stands for the preset's value, or for the model's where the preset has none.

    Raises:
        ConfigError: a value out of its range.

    >>> import inst
    >>> inst.InversionSettings(preset="paper").preset
    'paper'
    """

    preset: Literal["fast", "paper"] = option(
        "fast",
        "fast: our settings, minutes; paper: as published, 6,100 steps of batch size 1",
        choices=("fast", "paper"),
    )
    method: Literal["attention", "direct"] = option(
        "attention",
        "attention: InST's inversion module; direct: textual inversion, the baseline without the module",
        choices=("attention", "direct"),
    )
    context: Literal["patches", "pooled"] | None = option(
        None,
        "what the module attends to: the painting's patch embeddings, or its one pooled embedding as published",
        choices=("patches", "pooled"),
    )
    num_vectors: int | None = option(None, "number of token vectors that [C] stands for", low=1, high=32)
    init: Literal["painting", "random"] | None = option(
        None, "initial vectors: near the painting's CLIP embedding, or random", choices=("painting", "random")
    )
    attention: bool = option(True, "--no-attention replaces the module by a linear map (the paper's ablation)")
    dropout: float = option(0.05, "dropout in the module; 0 for the ablation", low=0.0, high=0.9)
    max_train_steps: int | None = option(None, "largest number of training steps", low=1, high=1_000_000)
    batch_size: int | None = option(None, "timesteps per training step", low=1, high=256)
    micro_batch: int | None = option(
        None,
        "timesteps computed at once, accumulated to the batch size; a smaller number needs less memory",
        low=1,
        high=256,
    )
    learning_rate: float | None = option(None, "AdamW's learning rate", low=1e-7, high=1.0)
    snr_gamma: float | None = option(
        None, "gamma of the min-SNR loss weights (usually 5; 0: no weights)", low=0.0, high=100.0
    )
    noise_offset: float | None = option(
        None,
        "standard deviation of the noise that all pixels of a channel share (default: as the model was trained)",
        low=0.0,
        high=2.0,
    )
    early_stop: int | None = option(
        None, "stop after this many validations without a lower loss (0: never)", low=0, high=10_000
    )
    validation_steps: int = option(10, "steps between two validations", low=1, high=100_000)
    checkpointing_steps: int = option(100, "steps between two checkpoints", low=1, high=100_000)
    flip: bool = option(True, "learn from the mirrored painting as well")
    resolution: int | None = option(None, "short side of the painting in pixels", low=64, high=2048)
    crop: int | None = option(None, "side in pixels of the random crops learned from", low=64, high=2048)
    seed: int = option(0, "random seed", low=0, high=2**32 - 1)

    def __post_init__(self) -> None:
        check_options(self)


_PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"context": "patches", "init": "painting", "batch_size": 4, "snr_gamma": 5.0, "early_stop": 6},
    "paper": {
        "context": "pooled",
        "init": "random",
        "num_vectors": 1,
        "batch_size": 1,
        "snr_gamma": 0.0,
        "early_stop": 0,
        "max_train_steps": 6100,
        "learning_rate": 1e-4,
    },
}


def resolve(settings: InversionSettings, model_defaults: dict[str, Any]) -> InversionSettings:
    """The settings with every ``None`` replaced.

    With the preset ``paper`` its values come first and the model's second; with ``fast`` it is the other way round,
    because a model may have been found to work better with another batch size or early stop.

    Args:
        model_defaults: from :func:`inst.inversion.prepare.model_defaults`.
    """
    known = {field.name for field in fields(InversionSettings)}
    fallback = {k: v for k, v in model_defaults.items() if k in known} | _PRESETS[settings.preset]
    if settings.preset == "fast":
        fallback |= {k: v for k, v in model_defaults.items() if k in known}
    empty = {name: fallback[name] for name in known if getattr(settings, name) is None and name in fallback}
    return replace(settings, **empty)
