"""The fingerprint of a generator, which codes, edits and mappers record to say what they were made for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Hash of the affine layers, which map W+ to styles, and of the constant input: 16 hexadecimal digits.

    It is the same for every file layout, device and precision of a generator, because `Generator.place` leaves these
    tensors in float32.

    Args:
        state: the state dict of a `Generator`, or at least these tensors of it under the same names.
    """
    digest = hashlib.sha256()
    for name in sorted(name for name in state if name == "const" or name.endswith("affine.weight")):
        digest.update(name.encode())
        digest.update(state[name].detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
