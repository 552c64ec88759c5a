"""Fingerprints of weights that do not depend on the file format or the precision.

Rounding to float16 or bfloat16 never changes the sign bit of a number. A hash over the sign bits is therefore the same
for a float32 folder, an fp16 file and a bfloat16 model in memory, and changes as soon as training changes the sign of a
weight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

SAMPLE = 64
"""Number of values of each parameter that enter :func:`modules_fingerprint`; a merged LoRA changes far more."""
LENGTH = 16


def tensor_fingerprint(tensor: Tensor, *settings: int) -> str:
    """Sixteen hexadecimal digits, computed from the shape and the sign bits of a tensor and from further numbers.

    >>> tensor = torch.randn(8, 8)
    >>> tensor_fingerprint(tensor) == tensor_fingerprint(tensor.bfloat16())
    True
    """
    digest = hashlib.sha256(repr((tuple(tensor.shape), settings)).encode())
    digest.update(_sign_bytes(tensor.detach().flatten()))
    return digest.hexdigest()[:LENGTH]


def modules_fingerprint(modules: Iterable[nn.Module]) -> str:
    """Sixteen hexadecimal digits, computed from the names, shapes and first values of all parameters."""
    digest = hashlib.sha256()
    samples = []
    for module in modules:
        for name, parameter in sorted(module.named_parameters()):
            # transformers 5.6 removed this prefix from its text encoder.
            digest.update(repr((name.removeprefix("text_model."), tuple(parameter.shape))).encode())
            samples.append(parameter.detach().flatten()[:SAMPLE].float())
    digest.update(_sign_bytes(torch.cat(samples)))
    return digest.hexdigest()[:LENGTH]


def _sign_bytes(values: Tensor) -> bytes:
    return torch.signbit(values).cpu().numpy().tobytes()
