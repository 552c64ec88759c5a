"""Textual-inversion files of other tools: reading all formats, and writing the two that most tools read.

The content and the keys of a file decide its format, not its name. Whether an embedding fits a model is checked
elsewhere, in ``inst.inversion.token``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from inst.errors import InputError, TokenError
from inst.files import Inert, module_state_dict, read_pickle, read_safetensors, sniff, write_safetensors
from inst.image import read_image_text

Dialect = Literal["shared", "diffusers", "a1111", "a1111-card", "original", "onetrainer", "inst-release", "list"]
MAX_BYTES = 64 * 2**20
_MAX_VECTORS = 75  # A prompt has 77 tokens, of which two are the start and the end.
_CARD_KEY = "sd-ti-embedding"
_PARTS = ("encoder", "decoder", "lora_", "model.", "state_dict", "unet", "text_model", "optimizer")


@dataclass(frozen=True)
class ForeignEmbedding:
    """The content of another tool's textual-inversion file.

    Attributes:
        vectors: (n, d) float32 token vectors, finite and not zero. ``None`` for a file of the InST release, where the
            module computes the vectors from the CLIP embedding of the painting.
        name: the name stored in the file or else the file's name, without brackets.
        dialect: the format of the file.
        trigger: the word that stands for the embedding in a prompt of that tool; ``None`` if the format has none.
        attention_state: the parameters of the InST release's module by name, for ``AttentionInversion``.
        notes: remarks for the user.
    """

    vectors: Tensor | None
    name: str
    dialect: Dialect
    trigger: str | None
    attention_state: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()


def read_foreign(path: Path) -> ForeignEmbedding:
    """Read a textual-inversion file of any tool: safetensors, a torch file, or an embedding in a PNG image from A1111.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing, too large or damaged, or is not a textual inversion.
        TokenError: the embedding cannot be used: it has NaN or zero vectors, is for SDXL, or has several placeholders.
    """
    kind = sniff(path)
    if kind in ("png", "webp", "jpeg"):
        return _read_card(path)
    if kind == "safetensors":
        return _read_tensors(path, read_safetensors(path, max_bytes=MAX_BYTES)[0])
    if kind not in ("torch_zip", "pickle", "torch_legacy_tar"):
        raise InputError(
            f"{path} is not a style: supported are .safetensors, .pt and .bin files and the .png embeddings of A1111"
        )
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is too large for a style (over {MAX_BYTES >> 20} MiB): is it a whole model?")
    return _read_object(path, read_pickle(path))


def _read_object(path: Path, data: object) -> ForeignEmbedding:
    if isinstance(data, list):
        return _from_list(path, data)
    if not isinstance(data, Mapping):
        raise InputError(f"{path} contains no textual inversion")
    if isinstance(module := data.get("attention"), Inert):
        return _from_release(path, module)
    if "string_to_param" in data:
        return _from_string_to_param(path, data, data["string_to_param"])
    return _read_tensors(path, data)


# One function for each format


def _read_tensors(path: Path, data: Mapping[Any, object]) -> ForeignEmbedding:
    """The formats that are a plain mapping of names to tensors."""
    name = sanitize_name(path.stem)
    if "clip_l" in data or "clip_g" in data:
        raise TokenError(
            f"{path} is for SDXL's two text encoders (clip_l, clip_g): get the one for Stable Diffusion 1.x"
        )
    if "emb_params" in data:
        return ForeignEmbedding(_vectors(path, data["emb_params"]), name, "shared", name)
    if "emp_params" in data:
        notes = ("its output embedding (emp_params_out) is ignored",) if "emp_params_out" in data else ()
        return ForeignEmbedding(_vectors(path, data["emp_params"]), name, "onetrainer", name, notes=notes)
    if len(data) == 1 and isinstance(token := next(iter(data)), str) and isinstance(data[token], Tensor):
        return ForeignEmbedding(_vectors(path, data[token]), sanitize_name(token) or name, "diffusers", token)
    keys = [str(key)[:40] for key in data if isinstance(key, str)]
    if any(part in key for key in keys for part in _PARTS):
        raise InputError(f"{path} is not a textual inversion but a model, LoRA or training state ({keys[0]}, …)")
    if len(data) > 1 and all(isinstance(value, Tensor) for value in data.values()):
        raise TokenError(
            f"{path} contains {len(data)} embeddings ({', '.join(keys[:4])}): split it into files with one each"
        )
    raise InputError(f"{path} contains no textual inversion")


def _from_string_to_param(
    path: Path, data: Mapping[Any, object], parameters: object, card: bool = False
) -> ForeignEmbedding:
    """A1111's ``.pt`` file or PNG image, or the original code's ``.pt`` file (with a pickled ``nn.ParameterDict``)."""
    original = isinstance(parameters, Inert)
    entries = _parameter_dict(parameters) if isinstance(parameters, Inert) else parameters
    if not isinstance(entries, Mapping) or not entries:
        raise InputError(f"{path} contains no textual inversion: its string_to_param is empty")
    if len(entries) > 1:
        raise TokenError(f"{path} contains {len(entries)} embeddings: split it into files with one embedding each")
    vectors = _vectors(path, next(iter(entries.values())))
    stored_name = data.get("name")
    name = sanitize_name(stored_name) if isinstance(stored_name, str) else ""
    stem = sanitize_name(path.stem)
    if original:
        return ForeignEmbedding(vectors, stem, "original", None)
    if card:
        return ForeignEmbedding(vectors, name or stem, "a1111-card", name or stem)
    return ForeignEmbedding(vectors, name or stem, "a1111", stem)


def _parameter_dict(stub: Inert) -> Mapping[str, object]:
    """The entries of a pickled ``nn.ParameterDict``. Since torch 1.12 plain tensors in it are stored as attributes."""
    parameters = module_state_dict(stub)
    state = stub.state if isinstance(stub.state, Mapping) else {}
    keys = state.get("_keys")
    names = keys if isinstance(keys, Mapping) else {}
    return parameters or {k: state[k] for k in names if isinstance(k, str) and isinstance(state.get(k), Tensor)}


def _from_list(path: Path, data: list[object]) -> ForeignEmbedding:
    """A list of mappings of names to tensors, whose vectors are concatenated."""
    tensors = [value for entry in data if isinstance(entry, Mapping) for value in entry.values()]
    if not tensors or not all(isinstance(t, Tensor) and t.ndim in (1, 2) and t.numel() for t in tensors):
        raise InputError(f"{path} contains no textual inversion")
    rows = [t.reshape(-1, t.shape[-1]) for t in tensors if isinstance(t, Tensor)]
    if len({row.shape[1] for row in rows}) > 1:
        raise TokenError(f"{path} contains vectors of several widths: it is for a model with several text encoders")
    # Checked before they are concatenated: a small file can name one tensor a thousand times.
    if (count := sum(len(row) for row in rows)) > _MAX_VECTORS:
        raise TokenError(f"{path} contains {count} vectors, but a prompt has room for {_MAX_VECTORS}")
    name = sanitize_name(path.stem)
    return ForeignEmbedding(_vectors(path, torch.cat(rows)), name, "list", name)


def _from_release(path: Path, module: Inert) -> ForeignEmbedding:
    """``embeddings.pt`` of the InST release: only the inversion module. Its vectors are computed from the painting."""
    try:
        tensors = module_state_dict(module)
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_BYTES:
        raise InputError(f"{path} names the same data again and again: it is not the InST release's module")
    state = {name: tensor.float() for name, tensor in tensors.items()}
    if missing := {"net.1.weight", "net.1.bias"} - state.keys():
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}: it is not the InST release's module")
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise TokenError(f"{path} contains NaN or infinity: its training failed")
    notes = ("it contains the module but not the vectors, which are computed from the painting",)
    return ForeignEmbedding(None, sanitize_name(path.stem), "inst-release", "*", state, notes)


def _read_card(path: Path) -> ForeignEmbedding:
    """A1111's PNG image: a text chunk with base64 of JSON, in which tensors are ``{"TORCHTENSOR": [[…]]}``."""
    text = read_image_text(path).get(_CARD_KEY)
    if text is None:
        raise InputError(f"{path} is a picture without an embedding in it (there is no {_CARD_KEY} text)")
    try:
        data = json.loads(base64.b64decode(text, validate=True))
        parameters = {str(key): torch.tensor(value["TORCHTENSOR"]) for key, value in data["string_to_param"].items()}
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is a picture whose embedding is damaged: download the original file again") from error
    return _from_string_to_param(path, data, parameters, card=True)


# Common to all formats


def _vectors(path: Path, value: object) -> Tensor:
    """The token vectors (n, d) in float32, checked."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise InputError(f"{path} contains no textual inversion: its value is not a tensor of floats")
    if value.ndim not in (1, 2) or not value.numel():
        raise TokenError(
            f"{path} contains a tensor of shape {tuple(value.shape)}: a textual inversion has the shape (d,) or (n, d)"
        )
    try:
        return checked_vectors(value.detach().reshape(-1, value.shape[-1]).float().clone())
    except TokenError as error:
        raise TokenError(f"{path} {error}") from error


def checked_vectors(vectors: Tensor) -> Tensor:
    """Check token vectors (n, d) and return them.

    Raises:
        TokenError: there are more than 75, they have SDXL's width, contain NaN or infinity, or one is zero. The message
            has no subject, which the caller adds.
    """
    if len(vectors) > _MAX_VECTORS:
        raise TokenError(f"contains {len(vectors)} vectors, but a prompt has room for {_MAX_VECTORS}")
    if vectors.shape[1] == 1280:
        raise TokenError("has vectors of width 1280: it is for SDXL; Stable Diffusion 1.x has 768, 2.x 1024")
    if not bool(vectors.isfinite().all()):
        raise TokenError("contains NaN or infinity: its training failed")
    if not bool(vectors.norm(dim=1).gt(1e-6).all()):
        raise TokenError("contains a vector of zeros: it was never trained")
    return vectors


def sanitize_name(name: str) -> str:
    """A name without the characters that A1111 and ComfyUI give a meaning in a prompt.

    >>> sanitize_name("<starry night>"), sanitize_name("[C]")
    ('starry_night', 'C')
    """
    words = re.sub(r"[\[\](){}<>*:,|\"'\\/\x00-\x1f]", " ", name).split()
    return "_".join(words)


def write_shared(path: Path, vectors: Tensor, metadata: Mapping[str, str]) -> None:
    """Write the format that A1111, ComfyUI, InvokeAI and kohya read: safetensors with the one key ``emb_params``.

    Args:
        path: ends in ``.safetensors``. The file's name is the trigger word, without brackets, spaces or commas.
        vectors: the token vectors (n, d).
        metadata: strings for the header.

    Raises:
        InputError: the name cannot be used as a trigger word in other tools, or the file cannot be written.
        TokenError: the vectors cannot be used (see :func:`checked_vectors`).
    """
    if path.suffix != ".safetensors" or path.stem != sanitize_name(path.stem) or not path.stem:
        proposal = f"{sanitize_name(path.stem) or 'style'}.safetensors"
        raise InputError(f"{path.name} is not a name that other tools accept in a prompt: name it {proposal}")
    write_safetensors(path, {"emb_params": _writable(vectors)}, metadata)


def write_diffusers(path: Path, token: str, vectors: Tensor) -> None:
    """Write the format of diffusers: a safetensors file with the token as its one key.

    A single vector is written with the shape (d,), because InvokeAI would read the number of rows of a matrix as the
    width.

    Args:
        path: ends in ``.safetensors``.
        token: the word that stands for the style in a prompt, such as ``<night>``.
        vectors: the token vectors (n, d).

    Raises:
        InputError: the path has another suffix, the token is empty or contains spaces, or the file cannot be written.
        TokenError: the vectors cannot be used (see :func:`checked_vectors`).
    """
    if path.suffix != ".safetensors":
        raise InputError(f"{path.name}: embeddings for diffusers are written as .safetensors")
    if not token or token != "".join(token.split()):
        raise InputError(f"the token {token!r} cannot be used in a prompt: give a word without spaces")
    checked = _writable(vectors)
    write_safetensors(path, {token: checked[0] if len(checked) == 1 else checked}, {"format": "pt"})


def _writable(vectors: Tensor) -> Tensor:
    try:
        return checked_vectors(vectors.detach().float().cpu())
    except TokenError as error:
        raise TokenError(f"the style {error}") from error
