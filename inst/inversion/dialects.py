"""Textual-inversion files of other tools, read all and written in the two forms that are read everywhere.

What a file is shows in its content and keys, never in its name. Which model an embedding fits is not decided here.
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
_MAX_VECTORS = 75  # a prompt has 77 places, two of them taken
_CARD_KEY = "sd-ti-embedding"
_PARTS = ("encoder", "decoder", "lora_", "model.", "state_dict", "unet", "text_model", "optimizer")


@dataclass(frozen=True)
class ForeignEmbedding:
    """What a style file of another tool holds.

    Attributes:
        vectors: (n, d) float32 token vectors, finite and not zero; ``None`` in an InST release file, whose vectors are
            made from the painting's CLIP embedding by the module.
        name: its own name or else the file's, without brackets.
        dialect: which tool's form it is.
        trigger: the word that calls it there, ``None`` where the form has none.
        attention_state: the InST release's module by parameter name, as ``AttentionInversion`` loads it.
        notes: what the user should know.
    """

    vectors: Tensor | None
    name: str
    dialect: Dialect
    trigger: str | None
    attention_state: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()


def read_foreign(path: Path) -> ForeignEmbedding:
    """Any textual-inversion file: safetensors, torch file or A1111's picture card.

    Raises:
        InputError: missing, too large, damaged, or no textual inversion at all.
        TokenError: one that cannot be used: NaN, zero vectors, for SDXL, several words in one.
    """
    kind = sniff(path)
    if kind in ("png", "webp", "jpeg"):
        return _read_card(path)
    if kind == "safetensors":
        return _read_tensors(path, read_safetensors(path, max_bytes=MAX_BYTES)[0])
    if kind not in ("torch_zip", "pickle", "torch_legacy_tar"):
        raise InputError(f"{path} is not a style: .safetensors, .pt, .bin and A1111's .png cards are read")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is too large for a style (over {MAX_BYTES >> 20} MiB): is it a whole model?")
    return _read_object(path, read_pickle(path))


def _read_object(path: Path, data: object) -> ForeignEmbedding:
    if isinstance(data, list):
        return _from_list(path, data)
    if not isinstance(data, Mapping):
        raise InputError(f"{path} holds no textual inversion")
    if isinstance(module := data.get("attention"), Inert):
        return _from_release(path, module)
    if "string_to_param" in data:
        return _from_string_to_param(path, data, data["string_to_param"])
    return _read_tensors(path, data)


# The forms, one function each


def _read_tensors(path: Path, data: Mapping[Any, object]) -> ForeignEmbedding:
    """Forms that are a plain mapping of names to tensors."""
    name = bracket_free(path.stem)
    if "clip_l" in data or "clip_g" in data:
        raise TokenError(
            f"{path} is for SDXL's two text encoders (clip_l, clip_g): get the one for Stable Diffusion 1.x"
        )
    if "emb_params" in data:
        return ForeignEmbedding(_vectors(path, data["emb_params"]), name, "shared", name)
    if "emp_params" in data:
        notes = ("its output embedding (emp_params_out) is left out",) if "emp_params_out" in data else ()
        return ForeignEmbedding(_vectors(path, data["emp_params"]), name, "onetrainer", name, notes=notes)
    if len(data) == 1 and isinstance(token := next(iter(data)), str) and isinstance(data[token], Tensor):
        return ForeignEmbedding(_vectors(path, data[token]), bracket_free(token) or name, "diffusers", token)
    words = [str(key)[:40] for key in data if isinstance(key, str)]
    if any(part in word for word in words for part in _PARTS):
        raise InputError(f"{path} is not a textual inversion but a model, LoRA or training state ({words[0]}, …)")
    if len(data) > 1 and all(isinstance(value, Tensor) for value in data.values()):
        raise TokenError(f"{path} holds {len(data)} words ({', '.join(words[:4])}): one file holds one, split it")
    raise InputError(f"{path} holds no textual inversion")


def _from_string_to_param(
    path: Path, data: Mapping[Any, object], parameters: object, card: bool = False
) -> ForeignEmbedding:
    """A1111's ``.pt`` and card; the original's ``.pt`` when the parameters are a pickled ``nn.ParameterDict``."""
    original = isinstance(parameters, Inert)
    entries = _parameter_dict(parameters) if isinstance(parameters, Inert) else parameters
    if not isinstance(entries, Mapping) or not entries:
        raise InputError(f"{path} has an empty string_to_param: it holds no textual inversion")
    if len(entries) > 1:
        raise TokenError(f"{path} holds {len(entries)} words: one file holds one, split it")
    vectors = _vectors(path, next(iter(entries.values())))
    own = data.get("name")
    named = bracket_free(own) if isinstance(own, str) else ""
    stem = bracket_free(path.stem)
    if original:
        return ForeignEmbedding(vectors, stem, "original", None)
    if card:
        return ForeignEmbedding(vectors, named or stem, "a1111-card", named or stem)
    return ForeignEmbedding(vectors, named or stem, "a1111", stem)


def _parameter_dict(stub: Inert) -> Mapping[str, object]:
    """The entries of an ``nn.ParameterDict``; torch ≥ 1.12 keeps those that are no parameters as attributes."""
    parameters = module_state_dict(stub)
    state = stub.state if isinstance(stub.state, Mapping) else {}
    keys = state.get("_keys")
    named = keys if isinstance(keys, Mapping) else {}
    return parameters or {k: state[k] for k in named if isinstance(k, str) and isinstance(state.get(k), Tensor)}


def _from_list(path: Path, data: list[object]) -> ForeignEmbedding:
    """A list of mappings of tensors, whose vectors follow each other."""
    tensors = [value for entry in data if isinstance(entry, Mapping) for value in entry.values()]
    if not tensors or not all(isinstance(t, Tensor) and t.ndim in (1, 2) for t in tensors):
        raise InputError(f"{path} holds no textual inversion")
    rows = [t.reshape(-1, t.shape[-1]) for t in tensors if isinstance(t, Tensor)]
    if len({row.shape[1] for row in rows}) > 1:
        raise TokenError(f"{path} holds vectors of several widths: it is for a model with several text encoders")
    name = bracket_free(path.stem)
    return ForeignEmbedding(_vectors(path, torch.cat(rows)), name, "list", name)


def _from_release(path: Path, module: Inert) -> ForeignEmbedding:
    """InST's ``embeddings.pt``: the inversion module alone. The vectors need the painting."""
    try:
        state = {name: tensor.float() for name, tensor in module_state_dict(module).items()}
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    if missing := {"net.1.weight", "net.1.bias"} - state.keys():
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}: it is not the InST release's module")
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise TokenError(f"{path} holds values that are no numbers (NaN or Inf): its training failed")
    notes = ("it holds the module, not the vectors: they are made from the painting",)
    return ForeignEmbedding(None, bracket_free(path.stem), "inst-release", "*", state, notes)


def _read_card(path: Path) -> ForeignEmbedding:
    """A1111's picture card: a text chunk of base64 of JSON, tensors as ``{"TORCHTENSOR": [[…]]}``."""
    text = read_image_text(path).get(_CARD_KEY)
    if text is None:
        raise InputError(f"{path} is a picture without an embedding in it (no {_CARD_KEY} text)")
    try:
        data = json.loads(base64.b64decode(text, validate=True))
        parameters = {str(key): torch.tensor(value["TORCHTENSOR"]) for key, value in data["string_to_param"].items()}
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is a card whose embedding is damaged: get the original file") from error
    return _from_string_to_param(path, data, parameters, card=True)


# What all have in common


def _vectors(path: Path, value: object) -> Tensor:
    """(n, d) float32, checked."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise InputError(f"{path} holds no textual inversion: its value is no tensor of floats")
    if value.ndim not in (1, 2) or not value.numel():
        raise TokenError(f"{path} holds a tensor of shape {tuple(value.shape)}: (d,) or (n, d) is a textual inversion")
    try:
        return checked_vectors(value.detach().reshape(-1, value.shape[-1]).float().clone())
    except TokenError as error:
        raise TokenError(f"{path} {error}") from error


def checked_vectors(vectors: Tensor) -> Tensor:
    """The same (n, d), found usable.

    Raises:
        TokenError: more than 75, SDXL's width, NaN or Inf, a vector of zeros. The sentence lacks its subject.
    """
    if len(vectors) > _MAX_VECTORS:
        raise TokenError(f"holds {len(vectors)} vectors; a prompt has room for {_MAX_VECTORS}")
    if vectors.shape[1] == 1280:
        raise TokenError("has vectors of width 1280: it is for SDXL; Stable Diffusion 1.x has 768, 2.x 1024")
    if not bool(vectors.isfinite().all()):
        raise TokenError("holds values that are no numbers (NaN or Inf): its training failed")
    if not bool(vectors.norm(dim=1).gt(1e-6).all()):
        raise TokenError("holds a vector of zeros: it was never trained")
    return vectors


def bracket_free(name: str) -> str:
    """A name that A1111 and ComfyUI can call: ``<starry night>`` → ``starry_night``, ``[C]`` → ``C``."""
    words = re.sub(r"[\[\](){}<>*:,|\"'\\/\x00-\x1f]", " ", name).split()
    return "_".join(words)


def write_shared(path: Path, vectors: Tensor, metadata: Mapping[str, str]) -> None:
    """The form of A1111, ComfyUI, InvokeAI and kohya: one key, ``emb_params``. The file's name is the trigger.

    Args:
        path: ends in .safetensors; its name without brackets, spaces or commas.
        vectors: (n, d).
        metadata: strings for the header.

    Raises:
        InputError: a name that the other tools cannot call. TokenError: vectors that cannot be used.
    """
    if path.suffix != ".safetensors" or path.stem != bracket_free(path.stem) or not path.stem:
        proposal = f"{bracket_free(path.stem) or 'style'}.safetensors"
        raise InputError(f"{path.name} cannot be called in a prompt of other tools: name it {proposal}")
    write_safetensors(path, {"emb_params": _writable(vectors)}, metadata)


def write_diffusers(path: Path, token: str, vectors: Tensor) -> None:
    """diffusers' form: one key, the token. One vector is written as (d,), for InvokeAI takes a row count for a width.

    Raises:
        InputError: a suffix other than .safetensors, an empty token or one with spaces. TokenError: as above.
    """
    if path.suffix != ".safetensors":
        raise InputError(f"{path.name}: the diffusers form is written as .safetensors")
    if not token or token != "".join(token.split()):
        raise InputError(f"the token {token!r} cannot be called in a prompt: give a word without spaces")
    checked = _writable(vectors)
    write_safetensors(path, {token: checked[0] if len(checked) == 1 else checked}, {"format": "pt"})


def _writable(vectors: Tensor) -> Tensor:
    try:
        return checked_vectors(vectors.detach().float().cpu())
    except TokenError as error:
        raise TokenError(f"the style {error}") from error
