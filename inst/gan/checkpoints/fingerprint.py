"""Which generator a code, an edit or a mapper belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """A hash of what turns W+ into styles and of the constant: 16 hexadecimal digits.

    The same for one generator in every file layout, on every device and in every precision that `Generator.place`
    gives its convolutions: these tensors stay float32.

    Args:
        state: a `Generator`'s state dict, or the same names alone.
    """
    digest = hashlib.sha256()
    for name in sorted(name for name in state if name == "const" or name.endswith("affine.weight")):
        digest.update(name.encode())
        digest.update(state[name].detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
