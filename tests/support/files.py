"""Files of any content, and what is left in a folder."""

from pathlib import Path


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
