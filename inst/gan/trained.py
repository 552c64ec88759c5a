"""Networks trained for one generator and one CLIP, whose files record which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inst.errors import InputError, ModelError
from inst.files import parameters_of, read_checkpoint, read_safetensors, sniff, write_safetensors
from inst.gan.checkpoints.fingerprint import fingerprint
from inst.gan.checkpoints.rosinality import from_rosinality, is_rosinality
from inst.gan.generator import Generator

METADATA = "inst.editor"
DECODERS = ("decoder", "module.generator")
"""Names under which published checkpoints keep the generator that they were trained with."""


@dataclass(frozen=True)
class Trained:
    """What a file records about the network in it.

    Attributes:
        metadata: ``kind``, ``generator``, ``clip``, ``text`` … of our own files; empty for other files.
        probe: `editor.clip_probe` of the CLIP it was trained with.
        generator: fingerprint of the generator it was trained with, where it is recorded.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    probe: Tensor | None = None
    generator: str | None = None


@dataclass(frozen=True)
class TrainedEditor:
    """A mapper or an FFCLIP network with what it was trained for.

    `FaceSession.edit` takes it as ``mapper`` or ``ffclip``.

    Attributes:
        network: a `LatentMapper` or a `SemanticModulation`, on any device.
        trained: what its file records.
        prefix: of the network's tensors in its file, ``mapper.`` for mappers.
    """

    network: nn.Module
    trained: Trained
    prefix: str = ""

    def save(self, path: str | Path) -> None:
        """Write it as a ``.safetensors`` file for ``inst edit --mapper`` or ``--ffclip``.

        Raises:
            InputError: it cannot be written.
        """
        save_trained(Path(path), self.network, self.trained.metadata, self.trained.probe, prefix=self.prefix)


def save_trained(
    path: Path,
    network: nn.Module,
    metadata: Mapping[str, Any],
    probe: Tensor | None,
    *,
    prefix: str = "",
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the network's tensors, their names with ``prefix``, and what it was trained for."""
    tensors = {f"{prefix}{name}": tensor.to(dtype) for name, tensor in network.state_dict().items()}
    if probe is not None:
        tensors["clip_probe"] = probe
    write_safetensors(path, tensors, {METADATA: json.dumps(dict(metadata), ensure_ascii=False)})


def read_trained(path: Path) -> Trained:
    """What a file records: one of ours, or a published checkpoint that contains its generator.

    Raises:
        InputError: the file is missing, damaged or unsafe.
    """
    if sniff(path) == "safetensors":
        tensors, header = read_safetensors(path)
        try:
            metadata = json.loads(header.get(METADATA, "{}"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is damaged: its header {METADATA} cannot be read") from error
        metadata = metadata if isinstance(metadata, dict) else {}
        return Trained(metadata, tensors.get("clip_probe"), metadata.get("generator"))
    checkpoint = read_checkpoint(path)
    for name in DECODERS:
        state = parameters_of(checkpoint, name)
        if is_rosinality(state):
            named = from_rosinality(state)
            return Trained(generator=fingerprint({k: v[0] if k == "const" else v for k, v in named.items()}))
    return Trained()


def check_generator(trained: str | None, generator: Generator, source: str) -> None:
    """Check that a file belongs to the generator in use.

    Args:
        trained: the fingerprint that the file records; ``None`` passes.

    Raises:
        ModelError: it was trained for another generator.
    """
    if trained and trained != fingerprint(generator.state_dict()):
        raise ModelError(f"{source} was trained for another generator: give that one (--generator), or train it anew")
