"""Tensor files: safetensors are read and written, torch's pickled files are read as data."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inst.errors import InputError
from inst.files import pickles
from inst.files.faults import explain_os_errors, format_size, one_line, refuse_larger
from inst.files.kinds import describe_kind, sniff
from inst.files.write import replacing

_MAX_HEADER = 100_000_000  # bytes; what the safetensors library itself accepts
_DTYPE_CODES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, atomically.

    The same tensors and metadata always give the same bytes, which the library's own writer does not guarantee.

    Args:
        path: the file.
        tensors: tensors on any device and of any memory layout; they are written contiguously in their own dtype.
        metadata: strings for the header.

    Raises:
        InputError: the file cannot be written.
    """
    # Writing the widest dtypes first keeps every tensor aligned to its element size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    entries: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.numel() * tensor.element_size()
        entries[name] = {
            "dtype": _DTYPE_CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]
        }  # fmt: skip
    header = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _, tensor in ordered:
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data if flat.numel() else b"")


def read_safetensors(path: Path, *, max_bytes: int | None = None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors (on the CPU) and the metadata of a safetensors file.

    Args:
        path: the file. If it is of another format, no other reader is tried.
        max_bytes: larger files are refused before they are read.

    Raises:
        InputError: the file is missing, too large, damaged, truncated, or of another format by its content.
    """
    if (kind := sniff(path)) != "safetensors":
        raise InputError(f"{path} is not a safetensors file but {describe_kind(kind)}: give a .safetensors file")
    with explain_os_errors(path, "read"):
        if max_bytes is not None:
            refuse_larger(path, max_bytes)
        _check_header(path)
        try:
            with safe_open(str(path), framework="pt", device="cpu") as file:
                return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path} is a damaged safetensors file ({one_line(error)}): download it again") from error


def _check_header(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > _MAX_HEADER:
        raise InputError(
            f"{path} was refused: it claims a safetensors header of {format_size(length)}, and at most 100 MB are valid"
        )
    if length > size - 8:
        raise InputError(f"{path} is truncated: its header alone is larger than the file. Download it again")


def read_pickle(path: Path, *, inert: frozenset[str] = frozenset()) -> object:
    """The object in a ``.pt``, ``.ckpt``, ``.bin`` or ``.pkl`` file, read as data: nothing in it is imported or called.

    Tensors, containers and numbers are returned as such, and parameters as plain tensors. Every other object becomes an
    ``Inert`` with its name and state, every other class or function an ``InertName``. Tensors are views of the
    memory-mapped file and are read when they are used; writing to them does not change the file.

    Args:
        path: the file.
        inert: qualified names that the caller expects. They become stubs even if their module would otherwise cause the
            file to be refused.

    Raises:
        InputError: the file is missing, damaged, of another format by its content, or refers to something that does not
            belong in a model file.
    """
    kind = sniff(path)
    if kind == "torch_legacy_tar":
        raise InputError(f"{path} is in torch's tar format from before 2017: load it in an old torch and save it again")
    if kind not in ("torch_zip", "pickle"):
        raise InputError(f"{path} is not a torch file (.pt, .ckpt, .bin) but {describe_kind(kind)}")
    with explain_os_errors(path, "read"):
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        try:
            return pickles.read_object(mapped, kind, inert)
        except pickles.PickleError as error:
            raise InputError(f"{path} was refused: {error}") from error
