"""Choice of the device that a model runs on and the precision it computes in. No other module decides either."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inst.errors import ConfigError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Placement:
    """The device that networks are placed on and the precision they compute in."""

    device: torch.device
    dtype: torch.dtype

    def __str__(self) -> str:
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}"


def choose_placement(device: str = "auto", dtype: str = "auto") -> Placement:
    """Resolve ``device`` and ``dtype``, by default to the fastest device and the fastest precision safe on it.

    Args:
        device: ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        dtype: ``auto`` (see :func:`automatic_dtype`), ``float32``, ``bfloat16`` or ``float16``.

    Raises:
        ConfigError: a name is unknown, or the device is not available or does not support that precision.

    >>> print(choose_placement("cpu", "float32"))
    cpu, float32
    """
    chosen = _device(device)
    return Placement(chosen, _dtype(dtype, chosen))


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device={name} is not known: choose auto | cpu | cuda | cuda:N | mps") from None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise ConfigError(
            f"device={name} is not available on this machine: choose {' | '.join(k for k, v in available.items() if v)}"
        )
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return automatic_dtype(device)
    if name not in DTYPES:
        raise ConfigError(f"dtype={name} is not known: choose auto | {' | '.join(DTYPES)}")
    if name == "float16" and device.type == "cpu":
        raise ConfigError("dtype=float16 is not supported on a CPU: choose bfloat16 or float32")
    return DTYPES[name]


def automatic_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on hardware with native bfloat16, float16 on other GPUs (CUDA and Apple), float32 on other CPUs."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if cpu_has_native_bfloat16() else torch.float32


def cpu_has_native_bfloat16() -> bool:
    """Whether this CPU has AMX or AVX-512 BF16. Without either, bfloat16 is emulated and slower than float32."""
    return any(
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
