"""What can be chosen when a painting is learned."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from inst.options import check_options, option


@dataclass(frozen=True, kw_only=True)
class InversionSettings:
    """How ``[C]`` is learned. ``None`` means: what the preset says, and where that is silent, what the model says.

    Raises:
        ConfigError: a value out of its range.
    """

    preset: Literal["fast", "paper"] = option(
        "fast", "fast: ours, minutes; paper: as published, 6,100 steps of batch 1", choices=("fast", "paper")
    )
    method: Literal["attention", "direct"] = option(
        "attention",
        "attention: InST's module; direct: textual inversion, the baseline without a module",
        choices=("attention", "direct"),
    )
    context: Literal["patches", "pooled"] | None = option(
        None,
        "what the module attends to: the painting's patch embeddings, or its one embedding as published",
        choices=("patches", "pooled"),
    )
    num_vectors: int | None = option(None, "token vectors that spell [C]", low=1, high=32)
    init: Literal["painting", "random"] | None = option(
        None, "where the vectors start: near the painting's own meaning, or at random", choices=("painting", "random")
    )
    attention: bool = option(True, "--no-attention leaves a linear map (the paper's ablation)")
    dropout: float = option(0.05, "dropout in the module; 0 for the ablation", low=0.0, high=0.9)
    max_train_steps: int | None = option(None, "steps at most", low=1, high=1_000_000)
    batch_size: int | None = option(None, "timesteps learned from in one step", low=1, high=256)
    micro_batch: int | None = option(
        None, "timesteps computed at once, accumulated to the batch; smaller needs less memory", low=1, high=256
    )
    learning_rate: float | None = option(None, "AdamW's rate", low=1e-7, high=1.0)
    snr_gamma: float | None = option(None, "min-SNR weight of the loss (5 is usual; 0: none)", low=0.0, high=100.0)
    noise_offset: float | None = option(
        None, "part of the noise that is common to a channel (default: as the model was trained)", low=0.0, high=2.0
    )
    early_stop: int | None = option(
        None, "stop after so many validations without a lower loss (0: never)", low=0, high=10_000
    )
    validation_steps: int = option(10, "steps between two validations", low=1, high=100_000)
    checkpointing_steps: int = option(100, "steps between two saved training states", low=1, high=100_000)
    flip: bool = option(True, "learn from the mirrored painting too")
    resolution: int | None = option(None, "the painting's short side in pixels", low=64, high=2048)
    crop: int | None = option(None, "side in pixels of the squares learned from", low=64, high=2048)
    seed: int = option(0, "seed", low=0, high=2**32 - 1)

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
    """The settings with every ``None`` filled: by the preset first, then by what the model brings.

    Args:
        model_defaults: ``num_vectors``, ``learning_rate``, ``max_train_steps``, ``resolution``, ``crop`` and what
            else the model's own file says.
    """
    known = {field.name for field in fields(InversionSettings)}
    fallback = {k: v for k, v in model_defaults.items() if k in known} | _PRESETS[settings.preset]
    if settings.preset == "fast":  # a model may be measured to want another batch or stop than the preset's
        fallback |= {k: v for k, v in model_defaults.items() if k in known}
    empty = {name: fallback[name] for name in known if getattr(settings, name) is None and name in fallback}
    return replace(settings, **empty)
