"""The files that contain a pickle: torch's zip, torch's older sequence of pickles, and a pickle alone.

``torch.load`` with this package's unpickler as ``pickle_module`` is not used, because it allocates storages of the size
that the file claims, unpacks compressed zip entries, extracts tar archives, and runs TorchScript programs. Here tensors
are views of the memory-mapped file.
"""

from __future__ import annotations

import io
import mmap
import zipfile
from typing import Literal

from inst.files.pickles.builders import Storage
from inst.files.pickles.stubs import PickleError
from inst.files.pickles.unpickler import Opcodes, Unpickler

Container = Literal["torch_zip", "pickle"]
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_DAMAGED = "it is damaged or cut short"


def read_object(file: mmap.mmap, kind: Container, inert: frozenset[str]) -> object:
    """The object in a memory-mapped file; tensors are views of the mapping where their alignment allows it.

    Raises:
        PickleError: the file is damaged or hostile.
    """
    data = memoryview(file)
    try:
        if kind == "torch_zip":
            return _read_zip(file, data, inert)
        if data[: len(_LEGACY_START)] == _LEGACY_START:
            return _read_legacy(file, data, Opcodes(), inert)
        return _read_bare(file, len(data), inert)
    except PickleError:
        raise
    except Exception as error:  # the library's documentation: damaged data can raise any exception
        raise PickleError(_DAMAGED) from error


def _read_bare(file: mmap.mmap, length: int, inert: frozenset[str]) -> object:
    """A pickle that was not written by torch.save. Each storage in it is embedded as a torch file of the older kind."""
    opcodes, bytes_left = Opcodes(), length

    def read_nested(nested: object) -> Storage:
        nonlocal bytes_left
        if not isinstance(nested, bytes) or not nested.startswith(_LEGACY_START):
            raise PickleError("a tensor in it has no proper data")
        bytes_left -= len(nested)
        if bytes_left < 0:
            raise PickleError("its parts overlap")
        # A copy, because tensors need writable memory.
        storage = _read_legacy(io.BytesIO(nested), memoryview(bytearray(nested)), opcodes, frozenset())
        if not isinstance(storage, Storage):
            raise PickleError("a tensor in it has no proper data")
        return storage

    reader = Unpickler(file, opcodes, inert, read_nested)
    found = reader.load()
    if reader.storages:
        raise PickleError("it refers to data that a bare pickle does not have")
    return found


def _read_zip(file: mmap.mmap, data: memoryview, inert: frozenset[str]) -> object:
    entries = _zip_entries(file, data)
    pickles = [name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise PickleError("it is a zip without the one data.pkl that torch writes")
    prefix = pickles[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in entries:
        raise PickleError("it is a TorchScript program: save its state dict instead")
    if entries.get(f"{prefix}byteorder", b"little") != b"little":
        raise PickleError("it was written on a big-endian machine: save it again as safetensors")
    reader = Unpickler(io.BytesIO(entries[pickles[0]]), Opcodes(), inert)
    found = reader.load()
    for key, storage in reader.storages.items():
        if (entry := entries.get(f"{prefix}data/{key}")) is None:
            raise PickleError("it is damaged: a tensor's data is not in it")
        storage.locate(entry)
    return found


def _zip_entries(file: mmap.mmap, data: memoryview) -> dict[str, memoryview]:
    """The content of each file in an uncompressed zip.

    Checksums are not verified: torch can omit them, and verifying them would read the whole file.
    """
    entries: dict[str, memoryview] = {}
    with zipfile.ZipFile(file) as archive:  # pyright: ignore[reportArgumentType, reportCallIssue]
        infos = archive.infolist()
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise PickleError("it is a compressed or encrypted zip: torch writes neither")
        header = bytes(data[info.header_offset : info.header_offset + 30]) if info.header_offset >= 0 else b""
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        start = info.header_offset + 30 + names
        if not header.startswith(b"PK\x03\x04") or start + info.file_size > len(data):
            raise PickleError(_DAMAGED)
        entries[info.filename] = data[start : start + info.file_size]
    if sum(map(len, entries.values())) > len(data):
        raise PickleError("its parts overlap")
    return entries


def _read_legacy(stream: mmap.mmap | io.BytesIO, data: memoryview, opcodes: Opcodes, inert: frozenset[str]) -> object:
    """The format of torch < 1.6: five pickles (magic number, protocol, system, object, keys), then the storages."""
    magic, _protocol, system = (Unpickler(stream, opcodes).load() for _ in range(3))
    if magic != _LEGACY_MAGIC or not isinstance(system, dict):
        raise PickleError(_DAMAGED)
    if system.get("little_endian") is False:
        raise PickleError("it was written on a big-endian machine: save it again as safetensors")
    reader = Unpickler(stream, opcodes, inert)
    found, keys = reader.load(), Unpickler(stream, opcodes).load()
    position = stream.tell()
    for key in keys if isinstance(keys, list) else []:
        storage = reader.storages.get(key) if isinstance(key, str) else None
        count = int.from_bytes(data[position : position + 8], "little")
        if storage is None or count != storage.numel:
            raise PickleError("it is damaged: its storages are not those that its tensors name")
        position += 8 + storage.locate(data[position + 8 :])
    if any(storage.elements is None for storage in reader.storages.values()):
        raise PickleError("it is damaged: a tensor's data is not in it")
    return found
