"""Detection of a file's kind from its content."""

import struct

import pytest
from support.files import write

from inst import files
from inst.errors import InputError


@pytest.mark.parametrize(
    "data, kind",
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"GIF89a", "gif"),
        (b"BM\x10\0\0\0\0\0\0\0", "bmp"),
        (b"BMW is a car", "text"),
        (b"II*\0", "tiff"),
        (b"\n <!DOCTYPE html><p>", "html"),
        ("Grüße".encode(), "text"),
        (b"%!PS-Adobe-3.0 EPSF", "text"),
        ("ü".encode() * 3000, "text"),
        (b"\x80\x04N.", "pickle"),
        (struct.pack("<Q", 300_000_000) + b'{"a', "safetensors"),
        (b"PK\x03\x04 some zip", "unknown"),
        (b"\0\1\2", "unknown"),
    ],
)
def test_the_kind_of_a_file_is_detected_from_its_content(tmp_path, data, kind):
    assert files.sniff(write(tmp_path / "misleading.safetensors", data)) == kind


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*gone\.pt"):
        files.sniff(tmp_path / "gone.pt")
    with pytest.raises(InputError, match="is a folder"):
        files.sniff(tmp_path)
