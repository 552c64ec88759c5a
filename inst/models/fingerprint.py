"""Short names for weights that stay the same in every file format and precision.

Rounding to float16 or bfloat16 never changes a number's sign bit, so a hash over sign bits is equal for the float32
folder, the fp16 file and the bfloat16 model in memory, and differs as soon as training has moved a weight across zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

SAMPLE = 64
"""Values of each parameter that `modules_fingerprint` looks at: a merged LoRA touches far more."""
LENGTH = 16


def tensor_fingerprint(tensor: Tensor, *settings: int) -> str:
    """Sixteen hexadecimal digits for one tensor's shape and sign bits, and for some numbers beside it."""
    digest = hashlib.sha256(repr((tuple(tensor.shape), settings)).encode())
    digest.update(_sign_bytes(tensor.detach().flatten()))
    return digest.hexdigest()[:LENGTH]


def modules_fingerprint(modules: Iterable[nn.Module]) -> str:
    """Sixteen hexadecimal digits for the parameters of `modules`: all names and shapes, the first values of each."""
    digest = hashlib.sha256()
    samples = []
    for module in modules:
        for name, parameter in sorted(module.named_parameters()):
            # transformers 5.6 dropped this level of its text encoder
            digest.update(repr((name.removeprefix("text_model."), tuple(parameter.shape))).encode())
            samples.append(parameter.detach().flatten()[:SAMPLE].float())
    digest.update(_sign_bytes(torch.cat(samples)))
    return digest.hexdigest()[:LENGTH]


def _sign_bytes(values: Tensor) -> bytes:
    return torch.signbit(values).cpu().numpy().tobytes()
