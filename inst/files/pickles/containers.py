"""Where the pickle and the raw elements lie in a file: torch's zip, torch's older stream of pickles, a bare pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from inst.files.pickles.machine import Constructor, Machine, PickleError
from inst.files.pickles.names import Storage, StorageType, resolve

Container = Literal["torch_zip", "pickle"]
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_NESTED_STEPS = 1000
"""Opcodes for one storage in a bare pickle; torch writes about 40. Counted in full whatever it uses."""
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
# Finds the bytes of storage ``key``: offset in the file, and how many bytes there are.
_Locate = Callable[[str], tuple[int, int]]


def read_object(data: memoryview, kind: Container, inert: frozenset[str]) -> object:
    """The object in a file whose bytes are mapped at ``data``; tensors are views of the mapping where alignment allows.

    Raises:
        PickleError: damaged, or asking for what is not given.
    """
    if kind == "torch_zip":
        return _read_zip(data, inert)
    if bytes(data[: len(_LEGACY_START)]) == _LEGACY_START:
        return _read_legacy(data, inert)
    nested = _NestedStorages(len(data))
    machine = Machine(data, resolve=partial(nested.resolve, inert=inert), persistent=_no_persistent)
    return machine.run()[0]


# A bare pickle of tensors: each storage is a whole torch file of the older kind, as bytes


class _NestedStorages:
    """``torch.storage._load_from_bytes``, which in torch is a second, unguarded unpickling.

    Args:
        limit: bytes that all of them may have together; the file's length, since each stands in it once.
    """

    _NAME = "torch.storage._load_from_bytes"

    def __init__(self, limit: int) -> None:
        self._left = limit

    def resolve(self, name: str, inert: frozenset[str]) -> object:
        return Constructor(self._NAME, self._read) if name == self._NAME else resolve(name, inert)

    def _read(self, machine: Machine, data: object) -> Storage:
        if not isinstance(data, bytes) or not data.startswith(_LEGACY_START):
            raise PickleError("a tensor in it has no proper data")
        machine.charge(_NESTED_STEPS)
        self._left -= len(data)
        if self._left < 0:
            raise PickleError("its parts overlap")
        # A copy, since tensors want memory that may be written to.
        storage = _read_legacy(memoryview(bytearray(data)), frozenset(), budget=_NESTED_STEPS)
        if not isinstance(storage, Storage):
            raise PickleError("a tensor in it has no proper data")
        return storage


# torch's zip


def _read_zip(data: memoryview, inert: frozenset[str]) -> object:
    entries = _zip_entries(data)
    pickles = [name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise PickleError("it is a zip without the one data.pkl that torch writes")
    prefix = pickles[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in entries:
        raise PickleError("it is a TorchScript program: save its state dict instead")
    if f"{prefix}byteorder" in entries:
        start, size = entries[f"{prefix}byteorder"]
        if bytes(data[start : start + size]) != b"little":
            raise PickleError("it was written on a big-endian machine: save it again as safetensors")

    def locate(key: str) -> tuple[int, int]:
        if (place := entries.get(f"{prefix}data/{key}")) is None:
            raise PickleError("it is damaged: a tensor's data is not in it")
        return place

    start, size = entries[pickles[0]]
    storages = _Storages(data, locate)
    machine = Machine(
        data[start : start + size], resolve=partial(resolve, inert=inert), persistent=storages.from_persistent_id
    )
    return machine.run()[0]


def _zip_entries(data: memoryview) -> dict[str, tuple[int, int]]:
    """Offset and size of each file in an uncompressed zip.

    Checksums are not compared: torch can be told to write none, and the data is mapped, not read.
    """
    try:
        with zipfile.ZipFile(_ViewReader(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise PickleError("it is damaged or cut short") from error
    entries: dict[str, tuple[int, int]] = {}
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise PickleError("it is a compressed or encrypted zip: torch writes neither")
        header = bytes(data[info.header_offset : info.header_offset + 30]) if info.header_offset >= 0 else b""
        if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
            raise PickleError("it is damaged or cut short")
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        start = info.header_offset + 30 + names
        if start + info.file_size > len(data):
            raise PickleError("it is damaged or cut short")
        entries[info.filename] = (start, info.file_size)
    if sum(size for _, size in entries.values()) > len(data):
        raise PickleError("its parts overlap")
    return entries


class _ViewReader(io.RawIOBase):
    """A mapped file as the seekable stream that zipfile wants, without a copy."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._position = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        position = (0, self._position, len(self._data))[whence] + offset
        if position < 0:
            raise OSError("before the start")
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size < 0 else self._position + size
        piece = bytes(self._data[self._position : end])
        self._position += len(piece)
        return piece


# torch before 1.6: magic number, protocol, machine, object, storage keys, storages


def _read_legacy(data: memoryview, inert: frozenset[str], budget: int | None = None) -> object:
    """Reads the object twice: the storages' places are known only from what stands behind it."""
    machine = partial(Machine, data, resolve=partial(resolve, inert=inert), budget=budget)
    plain = machine(persistent=_no_persistent)
    magic, position = plain.run(0)
    _protocol, position = plain.run(position)
    system, start = plain.run(position)
    if magic != _LEGACY_MAGIC or not isinstance(system, dict):
        raise PickleError("it is damaged or cut short")
    if system.get("little_endian") is False:
        raise PickleError("it was written on a big-endian machine: save it again as safetensors")
    survey = _Storages(data, None)
    _, position = machine(persistent=survey.from_persistent_id).run(start)
    keys, position = plain.run(position)
    places = _legacy_places(data, keys, position, survey)

    def locate(key: str) -> tuple[int, int]:
        if key not in places:
            raise PickleError("it is damaged: a tensor's data is not in it")
        return places[key]

    storages = _Storages(data, locate)
    return machine(persistent=storages.from_persistent_id).run(start)[0]


def _legacy_places(data: memoryview, keys: object, position: int, survey: _Storages) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else []:
        found = survey.known.get(key) if isinstance(key, str) else None
        count = int.from_bytes(bytes(data[position : position + 8]), "little")
        if found is None or count != found.numel:
            raise PickleError("it is damaged: its storages are not those that its tensors name")
        size = count * found.dtype.itemsize
        places[key] = (position + 8, size)
        position += 8 + size
    if position > len(data):
        raise PickleError("it is damaged or cut short")
    return places


# Storages


class _Storages:
    """The storages that a pickle names by persistent id, each mapped once and only when a tensor wants it."""

    def __init__(self, data: memoryview, locate: _Locate | None) -> None:
        self._data, self._locate = data, locate
        self.known: dict[str, Storage] = {}

    def from_persistent_id(self, identity: object) -> object:
        """``("storage", type, key, location, numel[, view])``; torch's older ``("module", class, file, source)``."""
        match identity:
            case ("module", kind, *_):
                return kind
            case ("storage", StorageType(dtype), str(key), str(), int(numel)) if 0 <= numel < 2**48:
                return self._storage(dtype, key, numel)
            case ("storage", StorageType(dtype), str(key), str(), int(numel), None) if 0 <= numel < 2**48:
                return self._storage(dtype, key, numel)
        raise PickleError("it refers to data in a way that torch does not")

    def _storage(self, dtype: torch.dtype, key: str, numel: int) -> Storage:
        storage = self.known.get(key)
        if storage is None:
            storage = Storage(dtype, numel, None if self._locate is None else self._reader(dtype, key, numel))
            self.known[key] = storage
        if (storage.dtype, storage.numel) != (dtype, numel):
            raise PickleError("it is damaged: two tensors disagree about their data")
        return storage

    def _reader(self, dtype: torch.dtype, key: str, numel: int) -> Callable[[], Tensor]:
        mapped: list[Tensor] = []

        def read() -> Tensor:
            if not mapped:
                assert self._locate is not None
                start, size = self._locate(key)
                if numel * dtype.itemsize > size:
                    raise PickleError("a tensor in it reaches beyond its data")
                mapped.append(_map(self._data, dtype, start, numel))
            return mapped[0]

        return read


def _map(data: memoryview, dtype: torch.dtype, start: int, numel: int) -> Tensor:
    if start % dtype.itemsize == 0:
        return torch.frombuffer(data, dtype=dtype, count=numel, offset=start)
    return torch.frombuffer(bytearray(data[start : start + numel * dtype.itemsize]), dtype=dtype)


def _no_persistent(identity: object) -> object:
    raise PickleError("it refers to data that a bare pickle does not have")
